import { type ErrorCode, M2Error } from '@m2/core';

/** What the `m2` command exits with. A death by a second signal is 128 plus the signal's number. */
export const EXIT = Object.freeze({
  /** Everything that was open was answered. */
  clean: 0,
  /** It failed while running, or requests were unfinished when the graceful timeout ended. */
  runtime: 1,
  /** The command line, a setting or an address is wrong. */
  usage: 2,
  /** A worker could not start. */
  workerBoot: 3,
  /** The app could not be loaded: starting again does not help. */
  appLoad: 4,
  /** Mongrel2 was not reached, or the sockets to it could not be set up. */
  mongrel2: 5,
});

const SIGNAL_NUMBERS: Readonly<Record<string, number>> = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 };

const byCode: Partial<Record<ErrorCode, number>> = {
  M2_CONFIG_INVALID: EXIT.usage,
  M2_CONFIG_LOAD_FAILED: EXIT.usage,
  M2_CONFIG_SELECTION: EXIT.usage,
  M2_CONFIG_UNREADABLE: EXIT.usage,
  M2_CONNECT_TIMEOUT: EXIT.mongrel2,
  M2_HANDLER_INVALID: EXIT.appLoad,
  M2_LINK_DOWN: EXIT.mongrel2,
  M2_MIDDLEWARE_UNSUPPORTED: EXIT.usage,
  M2_OPTION_INVALID: EXIT.usage,
  M2_SOCKET_FAILED: EXIT.mongrel2,
  M2_SPEC_INVALID: EXIT.usage,
  M2_TIMED_OUT: EXIT.mongrel2,
  M2_UPLOAD_DIR_INVALID: EXIT.usage,
  M2_USAGE: EXIT.usage,
};

/** The exit code that an error leads to. */
export function exitCodeOf(error: unknown): number {
  if (!M2Error.is(error)) return EXIT.runtime;
  return byCode[error.code] ?? (error.code.startsWith('M2_APP_') ? EXIT.appLoad : EXIT.runtime);
}

/** The exit code of a process that a signal forced to end. */
export const exitCodeOfSignal = (signal: string): number => 128 + (SIGNAL_NUMBERS[signal] ?? 0);
