import { resolve } from 'node:path';
import type { ControlClient, ControlTable } from '@m2/config';
import { M2Error, SocketSpec } from '@m2/core';
import { controlFlags } from './config-flags.js';
import { controlHelp } from './config-help.js';
import { EXIT } from './exit-codes.js';
import type { CliIo } from './io.js';
import { type FlagValues, parseFlags } from './parse-flags.js';
import { looksLikeAddress } from './serve-arguments.js';
import { didYouMean } from './suggest.js';
import { textTable } from './text-table.js';

type ControlValues = FlagValues<typeof controlFlags>;
type Cell = string | number | boolean | null;

/** What a command gives: rows for people, and the same as data. */
interface Answer {
  readonly headers: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
  readonly data: unknown;
}

interface Command {
  /** The words that follow its name; a name in capitals stands for any. */
  readonly words: readonly string[];
  run(client: ControlClient, word: string): Promise<Answer>;
}

const usage = (text: string): M2Error => new M2Error('M2_USAGE', text);

/** Objects as a table, a column for each member. */
function listed(objects: readonly object[], headers: readonly string[]): Answer {
  return {
    headers,
    rows: objects.map((one) => headers.map((name) => (one as Record<string, Cell>)[name] ?? null)),
    data: objects,
  };
}

const single = (name: string, value: Cell): Answer => ({ headers: [name], rows: [[value]], data: { [name]: value } });

const told = async (command: string, promise: Promise<void>): Promise<Answer> => {
  await promise;
  return single('done', command);
};

const INFO = ['uuid', 'bindAddr', 'port', 'chroot', 'accessLog', 'errorLog', 'pidFile', 'defaultHost'];
const NET = ['id', 'fd', 'type', 'lastPing', 'lastRead', 'lastWrite', 'bytesRead', 'bytesWritten'];
const TASKS = ['id', 'system', 'name', 'state', 'status'];

const COMMANDS: Readonly<Record<string, Command>> = {
  status: {
    words: ['net', 'tasks'],
    run: async (client, word) => (word === 'net' ? listed(await client.connections(), NET) : listed(await client.tasks(), TASKS)),
  },
  info: {
    words: [],
    run: async (client) => {
      const info = await client.info();
      const facts = info as unknown as Record<string, Cell>;
      return { headers: ['', ''], rows: INFO.map((name) => [name, facts[name] ?? null]), data: info };
    },
  },
  uuid: { words: [], run: async (client) => single('uuid', await client.uuid()) },
  time: {
    words: [],
    run: async (client) => {
      const time = await client.time();
      return { headers: ['time', ''], rows: [[time, new Date(time * 1000).toISOString()]], data: { time } };
    },
  },
  kill: { words: ['ID'], run: (client, word) => told('kill', client.kill(Number(word))) },
  reload: { words: [], run: (client) => told('reload', client.reload()) },
  stop: { words: [], run: (client) => told('stop', client.stop()) },
  terminate: { words: [], run: (client) => told('terminate', client.terminate()) },
  help: { words: [], run: async (client) => listed(await client.help(), ['name', 'help']) },
};

/** `m2 control`: asks Mongrel2's control port. Resolves to the exit code. */
export async function runControl(argv: readonly string[], io: CliIo): Promise<number> {
  const { values, positionals } = parseFlags(controlFlags, argv, io.env);
  if (values.help) {
    io.stdout.write(controlHelp());
    return EXIT.clean;
  }
  const [first] = positionals;
  const given = first !== undefined && looksLikeAddress(first) ? first : undefined;
  const { command, word } = readCommand(given === undefined ? positionals : positionals.slice(1));
  const address = given === undefined ? await configured(values, io) : SocketSpec.parse(given).address;
  const { ControlClient } = await import('@m2/config');
  const client = new ControlClient(address, { timeoutMs: values.timeout });
  try {
    const { headers, rows, data } = await command.run(client, word);
    io.stdout.write(
      values.json ? `${JSON.stringify(data, undefined, 2)}\n` : textTable(headers, rows satisfies ControlTable['rows']),
    );
    return EXIT.clean;
  } finally {
    await client.close();
  }
}

function readCommand([name, word, ...surplus]: readonly string[]): { command: Command; word: string } {
  const names = Object.keys(COMMANDS);
  if (name === undefined) throw usage(`The command is missing: one of ${names.join(', ')}.`);
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) throw usage(`The control port has no command ${JSON.stringify(name)}.${didYouMean(name, names)}`);
  const { words } = command;
  const surplusWord = words.length === 0 ? word : surplus[0];
  if (surplusWord !== undefined) throw usage(`There is one word too many: ${JSON.stringify(surplusWord)}.`);
  if (words.length === 0) return { command, word: '' };
  const number = words[0] === 'ID';
  if (word === undefined || (number ? !/^\d{1,10}$/.test(word) : !words.includes(word))) {
    throw usage(
      `${name} is followed by ${number ? 'the id of a connection, as m2 control … status net lists it' : words.join(' or ')}.`,
    );
  }
  return { command, word };
}

async function configured(values: ControlValues, io: CliIo): Promise<string> {
  if (values.config === undefined) {
    throw usage(
      'Where the control port is, is missing: m2 control tcp://127.0.0.1:7000 <command>, or m2 control --config=config.sqlite <command>.',
    );
  }
  const { controlAddress } = await import('@m2/config');
  const root = values.chroot;
  return controlAddress(resolve(io.cwd, values.config), {
    ...(values.server === undefined ? {} : { server: values.server }),
    ...(root === undefined ? {} : { root: resolve(io.cwd, root) }),
  });
}
