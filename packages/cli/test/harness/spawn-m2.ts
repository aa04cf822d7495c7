import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach } from 'vitest';
import { Collector } from './fake-io.js';

const bin = fileURLToPath(new URL('../../bin/m2.js', import.meta.url));

/** The folder of the apps that tests serve. */
export const fixtures = fileURLToPath(new URL('../fixtures/', import.meta.url));

/** A running `m2`. */
export interface RunningM2 {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly out: Collector;
  readonly err: Collector;
  /** Resolves to the exit code, or the name of the signal that ended it, once its output is complete. */
  readonly ended: Promise<number | string>;
}

const running = new Set<ChildProcess>();

/** Whatever a failed test left behind is killed, by its own pid. */
export function killLeftOvers(): void {
  afterEach(async () => {
    for (const child of running) {
      child.kill('SIGKILL');
      await once(child, 'close');
    }
  });
}

/** Starts the built `m2` in the folder of fixtures, with text logs. */
export function spawnM2(argv: readonly string[], options: { cwd?: string; env?: Record<string, string> } = {}): RunningM2 {
  const env: NodeJS.ProcessEnv = { PATH: process.env.PATH, HOME: process.env.HOME, M2_LOG_FORMAT: 'text', ...options.env };
  const child = spawn(process.execPath, [bin, ...argv], { cwd: options.cwd ?? fixtures, env, stdio: ['pipe', 'pipe', 'pipe'] });
  running.add(child);
  const out = new Collector();
  const err = new Collector();
  child.stdout.setEncoding('utf8').on('data', (text: string) => out.write(text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => err.write(text));
  const ended = once(child, 'close').then(([code, signal]: unknown[]) => {
    running.delete(child);
    return (code ?? signal) as number | string;
  });
  return { child, pid: child.pid ?? 0, out, err, ended };
}

/** A port that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}
