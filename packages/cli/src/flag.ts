import { M2Error } from '@m2/core';
import { didYouMean } from './suggest.js';

/** One setting: how it is written, read and explained. */
export interface Flag<V> {
  /** How its value is shown in the help, such as `SECONDS`; absent for a switch. */
  readonly placeholder?: string;
  /** What the help says, without the default. */
  readonly help: string;
  readonly fallback: V;
  /** How the default is shown in the help; absent when there is nothing to show. */
  readonly fallbackText?: string;
  /** May be given several times; the values are collected. */
  readonly repeatable?: boolean;
  /** Not a setting of its own (`--help`): it has no variable in the environment. */
  readonly action?: boolean;
  /** One letter that stands for it. */
  readonly short?: string;
  /** For m2's own use between its processes: neither in the help nor in the environment. */
  readonly internal?: boolean;
  /** Reads a value; `source` names the flag or variable for messages. Throws `M2_USAGE`. */
  parse(text: string, source: string): V;
}

/** What is common to all kinds of flag. */
export interface FlagText {
  readonly help: string;
  readonly placeholder?: string;
}

const wrong = (source: string, text: string, wanted: string, hint = ''): M2Error =>
  new M2Error('M2_USAGE', `${source} is ${JSON.stringify(text)}; it must be ${wanted}.${hint}`, {
    details: { source, value: text },
  });

/** Free text, not empty. */
export function textFlag<F extends string | undefined>(fallback: F, about: FlagText): Flag<F | string> {
  return {
    placeholder: 'TEXT',
    ...about,
    fallback,
    ...(fallback === undefined || fallback === '' ? {} : { fallbackText: fallback }),
    parse(text, source) {
      if (text === '') throw wrong(source, text, 'some text, not empty');
      return text;
    },
  };
}

/** One of a few words. */
export function choiceFlag<C extends string>(choices: readonly C[], fallback: NoInfer<C>, about: FlagText): Flag<C> {
  return {
    placeholder: choices.join('|'),
    ...about,
    fallback,
    fallbackText: fallback,
    parse(text, source) {
      const found = choices.find((choice) => choice === text);
      if (found !== undefined) return found;
      throw wrong(source, text, `one of ${choices.join(', ')}`, didYouMean(text, choices));
    },
  };
}

/** On or off. */
export function switchFlag(about: FlagText & { short?: string; action?: boolean; internal?: boolean }): Flag<boolean> {
  return {
    ...about,
    fallback: false,
    parse(text, source) {
      if (/^(?:1|true|on|yes)$/i.test(text)) return true;
      if (/^(?:|0|false|off|no)$/i.test(text)) return false;
      throw wrong(source, text, 'true or false');
    },
  };
}

/** A day: longer waits are mistakes, and far longer ones do not fit into a timer. */
const MAX_SECONDS = 86_400;

/** Seconds, fractions allowed; the value is milliseconds. */
export function secondsFlag<F extends number | undefined>(fallbackMs: F, about: FlagText): Flag<F | number> {
  return {
    placeholder: 'SECONDS',
    ...about,
    fallback: fallbackMs,
    ...(fallbackMs === undefined ? {} : { fallbackText: String(fallbackMs / 1000) }),
    parse(text, source) {
      const seconds = /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
      if (seconds <= MAX_SECONDS) return Math.round(seconds * 1000);
      throw wrong(source, text, `a number of seconds from 0 to ${MAX_SECONDS}`);
    },
  };
}

/** A whole number within bounds. */
export function numberFlag(fallback: number, about: FlagText & { from: number; to: number }): Flag<number> {
  const { from, to, ...text } = about;
  return {
    placeholder: 'NUMBER',
    ...text,
    fallback,
    fallbackText: String(fallback),
    parse(given, source) {
      const value = /^\d{1,15}$/.test(given) ? Number(given) : Number.NaN;
      if (value >= from && value <= to) return value;
      throw wrong(source, given, `a whole number from ${from} to ${to}`);
    },
  };
}

const UNITS: Readonly<Record<string, number>> = { '': 1, kib: 1024, mib: 1024 ** 2, gib: 1024 ** 3 };

/** Bytes, as a whole number with an optional KiB, MiB or GiB; at least `from`, which is 1 by default. */
export function bytesFlag(fallback: number, fallbackText: string, about: FlagText & { from?: 0 | 1 }): Flag<number> {
  const { from = 1, ...given } = about;
  return {
    placeholder: 'BYTES',
    ...given,
    fallback,
    fallbackText,
    parse(text, source) {
      const parts = /^(\d{1,15}) ?((?:[kmg]ib)?)$/i.exec(text);
      const value = Number(parts?.[1] ?? Number.NaN) * (UNITS[parts?.[2]?.toLowerCase() ?? ''] ?? 1);
      if (value >= from && Number.isSafeInteger(value)) return value;
      throw wrong(source, text, `a number of bytes from ${from}, such as 1048576, 512KiB or 64MiB`);
    },
  };
}

/**
 * Text that may be given several times; in the environment the values are separated by blanks. With `commas` both separate
 * values everywhere.
 */
export function listFlag(about: FlagText & { commas?: boolean }): Flag<readonly string[]> {
  const { commas = false, ...given } = about;
  return {
    placeholder: 'TEXT',
    ...given,
    fallback: [],
    repeatable: true,
    parse(text, source) {
      const separator = commas ? /[\s,]+/ : /\s+/;
      // A path may have blanks in it where there is another way to give two.
      const values = (commas || !source.startsWith('-') ? text.split(separator) : [text.trim()]).filter((value) => value !== '');
      if (values.length === 0) throw wrong(source, text, 'some text, not empty');
      return values;
    },
  };
}
