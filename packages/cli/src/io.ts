import { type Clock, systemClock } from '@m2/core';
import type { AppChild } from './app-process.js';

/** Where text goes: a stream of the process, or a collector in tests. */
export interface TextSink {
  write(text: string): unknown;
  /** True on a terminal: text logs and colours are for people then. */
  readonly isTTY?: boolean | undefined;
}

/** Signals and last-resort errors, as `process` emits them: `SIGINT`, `SIGTERM`, `SIGHUP`, `uncaughtException`, `unhandledRejection`, `disconnect`. */
export interface ProcessEvents {
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  off(event: string, listener: (...args: unknown[]) => void): unknown;
}

/** Everything that the command touches outside of itself. Passed in, so that it can run within a test. */
export interface CliIo {
  readonly stdout: TextSink;
  readonly stderr: TextSink;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Relative files and modules are looked up from here. */
  readonly cwd: string;
  readonly pid: number;
  readonly events: ProcessEvents;
  readonly clock: Clock;
  /** Tells the process that started this one (`m2 dev --watch`, or a supervisor with an IPC channel) that it serves. */
  notifyParent?(message: string): void;
  /** Starts another `m2` with these words. Default: a child process that writes where this one does. */
  startChild?(argv: readonly string[], options: { cwd: string; env: Record<string, string | undefined> }): AppChild;
  /** Loads a module by URL or name. Default: `import()`. */
  importModule?(specifier: string): Promise<object>;
}

/** The io of the running process. */
export function processIo(): CliIo {
  return {
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    cwd: process.cwd(),
    pid: process.pid,
    events: process,
    clock: systemClock,
    notifyParent(message) {
      // Without a callback a channel that closes at this moment would be an uncaught error.
      if (process.connected) process.send?.(message, undefined, undefined, () => {});
    },
  };
}

/**
 * Signals that come when everything is being closed already must not kill the process on its last steps: npm passes on
 * a Ctrl+C that was obeyed before. The returned function ends that.
 */
export function ignoreSignals(events: ProcessEvents): () => void {
  const nothing = () => {};
  for (const signal of ['SIGINT', 'SIGTERM']) events.on(signal, nothing);
  return () => {
    for (const signal of ['SIGINT', 'SIGTERM']) events.off(signal, nothing);
  };
}

/** Links are flushed and closed when `main` returns; what is left then is the app's own. */
const HARD_DEADLINE_MS = 1000;

/**
 * Ends the process with `code` as soon as nothing is left to do; past a deadline it ends anyway, for apps that leave a
 * timer or a pool open. A code that a signal forced (above 128) does not wait.
 */
export function exitWith(code: number): void {
  ignoreSignals(process);
  process.exitCode = code;
  setTimeout(() => process.exit(code), code > 128 ? 0 : HARD_DEADLINE_MS).unref();
}
