import { configHelp, controlHelp } from './config-help.js';
import { flagLines } from './flag-lines.js';
import { devFlags, globalFlags, serveFlags } from './flags.js';
import { variableOf } from './parse-flags.js';
import { SERVE_USAGE } from './serve-arguments.js';

/** The commands. */
export const COMMANDS = ['serve', 'dev', 'config', 'control', 'help'] as const;

const order = (example: string): string =>
  `Settings come from the flag, then from the environment (${example} is ${variableOf(example.slice(2))}), then from the default.`;

const exits = `Exit codes: 0 clean; 1 failed while running, or requests unfinished at the graceful timeout;
2 wrong usage; 3 a worker did not start; 4 the app could not be loaded; 5 Mongrel2 not reached;
128+n ended by a second signal.`;

const app = `<app> is file[:export], such as ./app.mjs or ./app.mjs:api: a fetch function, an object with fetch,
or what the file exports by default.`;

/** The text of `m2 --help`. */
export const mainHelp = (): string => `m2 runs JavaScript web apps behind the Mongrel2 web server.

Usage:
  ${SERVE_USAGE}    serve an app behind Mongrel2
  m2 dev <app>                              try an app without Mongrel2, on an embedded front
  m2 config build|show|check|diff|import    write, show and check Mongrel2's configuration
  m2 control <address> <command>            ask Mongrel2's control port
  m2 help [command]                         show the flags of a command

Examples:
  m2 dev ./app.mjs --watch
  m2 serve ./app.mjs tcp://127.0.0.1:9999

Flags:
${flagLines(globalFlags)}
`;

/** The text of `m2 serve --help`. */
export const serveHelp = (): string => `Usage: ${SERVE_USAGE} [flags]

Serves an app behind Mongrel2. The addresses are those of the handler's row in Mongrel2's configuration:
send_spec is what Mongrel2 sends requests to and m2 receives from; recv_spec is where Mongrel2 receives
replies. For tcp, recv_spec may be left out when it is the port below send_spec. With --config they come from
Mongrel2's database: m2 serve ./app.mjs --config=config.sqlite --route=/api.
${app}

Flags:
${flagLines(serveFlags)}

${order('--io')}

Signals: the first SIGINT or SIGTERM takes no more requests and lets the open ones finish, the second
forces; SIGHUP reloads the app where the backend can.
${exits}
`;

/** The text of `m2 dev --help`. */
export const devHelp = (): string => `Usage: m2 dev <app> [flags]

Serves an app on an embedded front that speaks Mongrel2's protocol: nothing else needs to be installed.
For trying and testing only; in production use Mongrel2 and m2 serve.
${app}

Flags:
${flagLines(devFlags)}

${order('--port')}

${exits}
`;

/** The help of a command; that of m2 itself for anything else. */
export function helpOf(command: string | undefined): string {
  const texts: Readonly<Record<string, () => string>> = {
    serve: serveHelp,
    dev: devHelp,
    config: configHelp,
    control: controlHelp,
  };
  const text = command !== undefined && Object.hasOwn(texts, command) ? texts[command] : undefined;
  return (text ?? mainHelp)();
}
