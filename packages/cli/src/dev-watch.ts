import { spawn } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type AppChild, AppProcess } from './app-process.js';
import { showBanner } from './banner.js';
import type { CliLogger } from './cli-logger.js';
import type { FrontAddress } from './command-dev.js';
import { EXIT, exitCodeOfSignal } from './exit-codes.js';
import { devFlags, serveFlags } from './flags.js';
import type { CliIo } from './io.js';
import { KeyPress } from './key-press.js';
import { parseModuleSpecifier } from './module-specifier.js';
import { type FlagValues, variableOf } from './parse-flags.js';
import { watchFolder } from './watch-folder.js';

type DevValues = FlagValues<typeof devFlags>;

const bin = fileURLToPath(new URL('../bin/m2.js', import.meta.url));

/**
 * Runs the app in a child process that is started anew when a source file changes; the front stays here, and requests wait
 * at it meanwhile. Resolves to the exit code after a signal.
 */
export async function watchApp(
  app: string,
  address: FrontAddress,
  values: DevValues,
  logger: CliLogger,
  io: CliIo,
): Promise<number> {
  const { url, sendSpec, recvSpec, gate } = address;
  const argv = childArguments(app, address, values, logger);
  const env = childEnvironment(io.env);
  const startChild = io.startChild ?? spawnM2;
  const { clock } = io;
  const graceMs = values['graceful-timeout'];
  const process = new AppProcess({ spawn: () => startChild(argv, { cwd: io.cwd, env }), gate, logger, clock, graceMs });
  const servers = [{ sendSpec, recvSpec, inferred: false }];
  showBanner(logger, { app, kind: undefined, io: values.io, transport: undefined, servers, pid: io.pid, url });
  const folder = folderOf(app, io.cwd);
  const unwatch = watchFolder({ folder, clock, logger, changed: (path) => process.changed(path) });
  logger.info(`Watching the source files in ${folder}.`);
  process.start();
  try {
    return await untilSignal(process, logger, io);
  } finally {
    unwatch();
  }
}

/** The first signal ends the app in order, the second kills it. */
function untilSignal(process: AppProcess, logger: CliLogger, io: CliIo): Promise<number> {
  return new Promise((resolve) => {
    const signals = ['SIGINT', 'SIGTERM'] as const;
    const keyPress = new KeyPress(io.clock);
    let stopping = false;
    const listeners = signals.map((signal) => {
      const listener = () => {
        if (keyPress.isEcho(signal)) return;
        if (stopping) {
          logger.warn(`${signal} again: killing the app.`);
          process.kill();
          return finish(exitCodeOfSignal(signal));
        }
        stopping = true;
        logger.info(`${signal}: stopping; a second signal forces.`);
        // An app that was not ready when it was asked to end dies by the signal, and had nothing open.
        void process.stop().then((code) => finish(code === EXIT.clean ? EXIT.clean : EXIT.runtime));
      };
      io.events.on(signal, listener);
      return () => io.events.off(signal, listener);
    });
    const finish = (code: number) => {
      for (const remove of listeners) remove();
      resolve(code);
    };
  });
}

/** Settings that the child has as they are here. */
const PASSED = [
  'io',
  'transport',
  'root-path',
  'max-inflight',
  'max-queue-bytes',
  'body-limit',
  'uri-limit',
  'header-limit',
  'header-count',
  'ws-max-payload',
  'log-level',
] as const;

function childArguments(app: string, address: FrontAddress, values: DevValues, logger: CliLogger): string[] {
  const argv = ['serve', app, address.sendSpec, address.recvSpec, '--dev-child'];
  for (const name of PASSED) if (values[name] !== '') argv.push(`--${name}=${values[name]}`);
  for (const name of ['graceful-timeout', 'request-timeout'] as const) argv.push(`--${name}=${values[name] / 1000}`);
  for (const name of ['trust-proxy', 'middleware'] as const) argv.push(...values[name].map((value) => `--${name}=${value}`));
  if (values.factory) argv.push('--factory');
  argv.push(`--log-format=${logger.format}`);
  return argv;
}

/** What is set for `m2 serve` in the environment is about another server than the embedded front. */
function childEnvironment(env: CliIo['env']): Record<string, string | undefined> {
  const copy = { ...env };
  for (const name of Object.keys(serveFlags)) if (!(name in devFlags)) delete copy[variableOf(name)];
  return copy;
}

/** The folder of the app's file; the working folder when the app is no file there. */
function folderOf(app: string, cwd: string): string {
  const candidates = [app, parseModuleSpecifier(app).module].map((name) => resolve(cwd, name));
  const found = candidates.find((path) => existsSync(path)) ?? candidates[1];
  if (found === undefined || !existsSync(dirname(found))) return cwd;
  return statSync(found, { throwIfNoEntry: false })?.isDirectory() === true ? found : dirname(found);
}

/**
 * Starts `m2` in a process group of its own: a Ctrl+C of the terminal goes to the whole group, and the app must be asked
 * to end only once. Its IPC channel tells it when this process is gone.
 */
function spawnM2(argv: readonly string[], options: { cwd: string; env: Record<string, string | undefined> }): AppChild {
  return spawn(process.execPath, [...process.execArgv, bin, ...argv], {
    ...options,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    detached: process.platform !== 'win32',
  });
}
