import { M2Error } from '@m2/core';
import { VERSION } from './banner.js';
import { runConfig } from './command-config.js';
import { runControl } from './command-control.js';
import { runDev } from './command-dev.js';
import { runServe } from './command-serve.js';
import { EXIT, exitCodeOf } from './exit-codes.js';
import { COMMANDS, helpOf, mainHelp } from './help.js';
import type { CliIo } from './io.js';
import { looksLikeAddress } from './serve-arguments.js';
import { didYouMean } from './suggest.js';

/**
 * Runs the `m2` command with the words after its name. Resolves to the exit code when everything is closed; never
 * rejects and never exits by itself.
 */
export async function main(argv: readonly string[], io: CliIo): Promise<number> {
  try {
    return await run(argv, io);
  } catch (error) {
    const known = M2Error.is(error);
    // A mistake on the command line needs no stack; anything else here is a bug, whose stack is what helps.
    const text = known ? `${error.message} [${error.code}]` : String(error instanceof Error ? (error.stack ?? error) : error);
    const named = argv[0] !== 'help' && COMMANDS.some((name) => name === argv[0]);
    const command = named ? `m2 ${argv[0]} --help` : 'm2 --help';
    io.stderr.write(`m2: ${text}\n${known ? `Run ${command} for the flags.\n` : ''}`);
    return exitCodeOf(error);
  }
}

async function run(argv: readonly string[], io: CliIo): Promise<number> {
  const [command, ...rest] = argv;
  switch (command) {
    case 'serve':
      return runServe(rest, io);
    case 'dev':
      return runDev(rest, io);
    case 'config':
      return runConfig(rest, io);
    case 'control':
      return runControl(rest, io);
    case 'help':
    case '--help':
    case '-h':
      io.stdout.write(helpOf(rest[0]));
      return EXIT.clean;
    case '--version':
    case '-v':
      io.stdout.write(`m2 ${VERSION} (node ${process.versions.node}, ${process.platform} ${process.arch})\n`);
      return EXIT.clean;
    case undefined:
      io.stderr.write(mainHelp());
      return EXIT.usage;
    default:
      throw unknownCommand(command, rest);
  }
}

function unknownCommand(command: string, rest: readonly string[]): M2Error {
  if (command.startsWith('-')) {
    return new M2Error(
      'M2_USAGE',
      `There is no flag ${command} before the command.${didYouMean(command, ['--help', '--version'])}`,
    );
  }
  if (looksLikeAddress(command) || /[./\\]/.test(command)) {
    const verb = [command, ...rest].some(looksLikeAddress) ? 'serve' : 'dev';
    return new M2Error('M2_USAGE', `The command is missing. Did you mean m2 ${verb} ${[command, ...rest].join(' ')}?`);
  }
  return new M2Error('M2_USAGE', `There is no command ${JSON.stringify(command)}.${didYouMean(command, COMMANDS, 'm2 ')}`);
}
