import type { Logger, LogLevel } from '@m2/core';
import { EventLog } from './event-log.js';

/** One line of a log. */
export interface LogLine {
  readonly level: LogLevel;
  readonly message: string;
  /** The code of the error that it is about, when it has one. */
  readonly code: string | undefined;
}

/** A logger that keeps every line. */
export class LogCapture implements Logger {
  readonly lines = new EventLog<LogLine>();

  debug(message: string, fields?: Readonly<Record<string, unknown>>): void {
    this.add('debug', message, fields);
  }

  info(message: string, fields?: Readonly<Record<string, unknown>>): void {
    this.add('info', message, fields);
  }

  warn(message: string, fields?: Readonly<Record<string, unknown>>): void {
    this.add('warn', message, fields);
  }

  error(message: string, fields?: Readonly<Record<string, unknown>>): void {
    this.add('error', message, fields);
  }

  private add(level: LogLevel, message: string, fields: Readonly<Record<string, unknown>> = {}): void {
    const code = (fields.error as { code?: unknown } | undefined)?.code;
    this.lines.add({ level, message, code: typeof code === 'string' ? code : undefined });
  }
}
