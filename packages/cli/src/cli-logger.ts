import { type Clock, type Logger, type LogLevel, M2Error } from '@m2/core';
import { errorFacts, errorLines } from './error-facts.js';
import type { TextSink } from './io.js';

/** How and where lines are written. */
export interface CliLoggerOptions {
  readonly sink: TextSink;
  readonly format: 'text' | 'json';
  /** The least important level that is written. */
  readonly level: LogLevel | 'silent';
  readonly color: boolean;
  readonly clock: Clock;
  readonly pid: number;
}

/** A logger of the command, which also says how it writes. */
export interface CliLogger extends Logger {
  readonly format: 'text' | 'json';
  readonly color: boolean;
  /** Lines of this level are written. */
  shows(level: LogLevel): boolean;
  /** Text as it is, for the start-up banner; only in text format and when `info` is shown. */
  raw(text: string): void;
}

type Fields = Readonly<Record<string, unknown>>;

const ORDER: readonly (LogLevel | 'silent')[] = ['debug', 'info', 'warn', 'error', 'silent'];
const COLORS: Readonly<Record<LogLevel, string>> = { debug: '2', info: '32', warn: '33', error: '31' };

/** Makes text bold, red and so on, by its SGR code; without colour it stays as it is. */
export const paint = (color: boolean, sgr: string, text: string): string => (color ? `\x1b[${sgr}m${text}\x1b[0m` : text);

/** Whether to use colours: FORCE_COLOR, then NO_COLOR, then on terminals that are not dumb. */
export function wantsColor(sink: TextSink, env: Readonly<Record<string, string | undefined>>): boolean {
  const { FORCE_COLOR: force, NO_COLOR: no, TERM: term } = env;
  if (force !== undefined && force !== '') return force !== '0' && force !== 'false';
  if (no !== undefined && no !== '') return false;
  return sink.isTTY === true && term !== 'dumb';
}

/** Messages carry bytes of clients: a line break or an escape sequence in them would forge lines or drive the terminal. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const CONTROLS = /[\x00-\x1f\x7f-\x9f\u2028\u2029]/g;

const escapeControls = (text: string): string =>
  text.replace(CONTROLS, (character) =>
    character === '\t' ? ' ' : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

/** A logger that writes text for people or one JSON object a line. Nothing that it is given makes it throw. */
export function createLogger(options: CliLoggerOptions): CliLogger {
  const { sink, format, color, clock, pid } = options;
  const threshold = ORDER.indexOf(options.level);
  const shows = (level: LogLevel) => ORDER.indexOf(level) >= threshold;
  const write = (level: LogLevel) => (message: string, fields?: Fields) => {
    if (!shows(level)) return;
    const time = new Date(clock.wall()).toISOString();
    sink.write(format === 'json' ? jsonLine(time, level, pid, message, fields) : textLine(time, level, color, message, fields));
  };
  return {
    format,
    color,
    shows,
    raw: (text) => void (format === 'text' && shows('info') && sink.write(text)),
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
  };
}

function jsonLine(time: string, level: LogLevel, pid: number, message: string, fields: Fields = {}): string {
  const seen = new WeakSet<object>();
  const replace = (_key: string, value: unknown): unknown => {
    if (typeof value === 'bigint') return value.toString();
    if (value instanceof Error) return errorFacts(value);
    if (typeof value !== 'object' || value === null) return value;
    if (seen.has(value)) return '[seen before]';
    seen.add(value);
    return value;
  };
  const own = { time, level, pid, message };
  try {
    return `${JSON.stringify({ ...own, ...fields, ...own, ...('error' in fields ? { error: errorFacts(fields.error) } : {}) }, replace)}\n`;
  } catch (error) {
    return `${JSON.stringify({ ...own, unwritable: String(error) })}\n`;
  }
}

function textLine(time: string, level: LogLevel, color: boolean, message: string, fields: Fields = {}): string {
  const { error, ...rest } = fields;
  const code = M2Error.is(error) ? ` [${error.code}]` : '';
  const facts = Object.entries(rest).map(([key, value]) => ` ${key}=${fieldText(value)}`);
  const head = `${paint(color, '2', time.slice(0, 19).replace('T', ' '))} ${paint(color, COLORS[level], level.padEnd(5))} `;
  const below = error === undefined ? [] : errorLines(errorFacts(error), message);
  const text = message.split('\n').map(escapeControls).join('\n  ');
  return `${head}${text}${escapeControls(code)}${paint(color, '2', escapeControls(facts.join('')))}\n${below.map((line) => `  ${escapeControls(line)}\n`).join('')}`;
}

function fieldText(value: unknown): string {
  if (typeof value === 'string') return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return String(value);
  }
}
