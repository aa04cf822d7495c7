/** From most to least verbose. `silent` is a threshold only. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/**
 * Where log lines go. Passed in, never global: core itself never writes to the console. `fields` are facts
 * (ids, sizes in bytes, an `error`), kept apart from the text so that a JSON logger can keep them apart too.
 */
export interface Logger {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void;
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

const nothing = () => {};

/** Drops every line; the default. */
export const silentLogger: Logger = Object.freeze({ debug: nothing, info: nothing, warn: nothing, error: nothing });
