import { configFlags, controlFlags } from './config-flags.js';
import { flagLines } from './flag-lines.js';

/** The text of `m2 config --help`. */
export const configHelp = (): string => `Usage:
  m2 config build [definition] [--out=FILE]    check a definition and write the database
  m2 config show [file] [--json]               show what a database or a definition says
  m2 config check [file] [--strict]            say what is wrong with it, hurts, or could serve m2 better
  m2 config diff <file> <file>                 say in what the second differs from the first
  m2 config import <database> [--out=FILE]     write TypeScript that builds the same database again

Writes, shows and checks Mongrel2's configuration. A definition is TypeScript or JavaScript that exports
defineConfig({ ... }) by default; without a name it is mongrel2.config.ts, .mts, .js or .mjs of this folder.
A database is what Mongrel2 is started with. The database is replaced in one step; Mongrel2 reads it when
it is started the next time.

Flags:
${flagLines(configFlags)}

Exit codes: 0 clean; 1 errors were found (check), the files differ (diff), or something could not be written;
2 wrong usage, or a file that cannot be read or built.
`;

/** The text of `m2 control --help`. */
export const controlHelp = (): string => `Usage: m2 control <address> <command>
       m2 control --config=FILE <command>

Asks Mongrel2's control port. An address is tcp://127.0.0.1:7000 or ipc:///srv/www/run/control, as this host
reaches it.

Commands:
  status net      the open connections, with what went over them
  status tasks    the tasks that run
  info            what it was started with
  uuid, time      the server's uuid, its clock
  kill ID         cut a connection; its handler gets no word of it
  reload          open the logs anew, as SIGHUP does; the configuration is read at a start only
  stop            end as SIGINT does
  terminate       end as SIGTERM does
  help            the commands that it knows itself

Flags:
${flagLines(controlFlags)}

Exit codes: 0 clean; 1 Mongrel2 refused; 2 wrong usage; 5 Mongrel2 not reached.
`;
