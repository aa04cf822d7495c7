import { EventEmitter } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { fakeIo } from '../test/harness/fake-io.js';
import { watchApp } from './dev-watch.js';
import { devFlags, serveFlags } from './flags.js';
import { parseFlags } from './parse-flags.js';
import { loggerOf } from './run-options.js';

/** One value of its own for each setting that `m2 dev` and `m2 serve` share. */
const GIVEN: Readonly<Record<string, readonly string[]>> = {
  io: ['./io.mjs'],
  transport: ['./transport.mjs'],
  'root-path': ['/shop'],
  factory: ['true'],
  'max-inflight': ['7'],
  'max-queue-bytes': ['8KiB'],
  'body-limit': ['9KiB'],
  'request-timeout': ['1.5'],
  'uri-limit': ['1KiB'],
  'header-limit': ['2KiB'],
  'header-count': ['3'],
  'ws-max-payload': ['4KiB'],
  'trust-proxy': ['loopback', '10.0.0.0/8'],
  middleware: ['buffer', 'gzip'],
  'graceful-timeout': ['2.5'],
  'log-level': ['warn'],
  'log-format': ['text'],
};

/** The words that `m2 dev --watch` starts its app with. */
async function childArguments(argv: readonly string[]): Promise<readonly string[]> {
  const cwd = mkdtempSync(join(tmpdir(), 'm2-watch-'));
  onTestFinished(() => rmSync(cwd, { recursive: true }));
  writeFileSync(join(cwd, 'app.mjs'), 'export default () => new Response();');
  const started: (readonly string[])[] = [];
  const child = Object.assign(new EventEmitter(), {
    kill: () => queueMicrotask(() => child.emit('exit', 0, null)) === undefined,
  });
  const io = fakeIo({
    cwd,
    startChild(words) {
      started.push(words);
      return child;
    },
  });
  const gate = { hold() {}, ended() {}, release() {} };
  const address = { url: 'http://h/', sendSpec: 'tcp://h:2', recvSpec: 'tcp://h:1', gate };
  const { values } = parseFlags(devFlags, argv, {});
  const ended = watchApp('./app.mjs', address, values, loggerOf(values, io), io);
  io.events.emit('SIGINT');
  expect(await ended).toBe(0);
  expect(started).toHaveLength(1);
  return started[0] ?? [];
}

it('m2 dev --watch hands every setting that both commands have to its child', async () => {
  const actions = Object.entries(devFlags).flatMap(([name, flag]) => (flag.action === true ? [name] : []));
  const shared = Object.keys(devFlags).filter((name) => name in serveFlags && !actions.includes(name));
  expect(Object.keys(GIVEN).sort()).toEqual(shared.sort());
  const argv = Object.entries(GIVEN).flatMap(([name, values]) => values.map((value) => `--${name}=${value}`));
  const [command, ...words] = await childArguments(argv);
  const wanted = parseFlags(serveFlags, argv, {}).values;
  const { positionals, values } = parseFlags(serveFlags, words, {});
  expect([command, positionals]).toEqual(['serve', ['./app.mjs', 'tcp://h:2', 'tcp://h:1']]);
  expect(values).toEqual({ ...wanted, 'dev-child': true });
  for (const name of shared)
    expect([name, values[name as 'io']]).not.toEqual([
      name,
      (serveFlags as Record<string, { fallback: unknown }>)[name]?.fallback,
    ]);
});
