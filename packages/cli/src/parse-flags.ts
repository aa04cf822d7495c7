import { parseArgs } from 'node:util';
import { M2Error } from '@m2/core';
import type { Flag } from './flag.js';
import { didYouMean } from './suggest.js';

/** Flags of a command, by their name without the dashes. */
export type FlagTable = Readonly<Record<string, Flag<unknown>>>;

/** The values of a table's flags, by name. */
export type FlagValues<T extends FlagTable> = { readonly [K in keyof T]: T[K] extends Flag<infer V> ? V : never };

/** Where a value came from. */
export type FlagSource = 'flag' | 'environment' | 'default';

/** A command line that was read. */
export interface ParsedFlags<T extends FlagTable> {
  readonly values: FlagValues<T>;
  readonly sources: { readonly [K in keyof T]: FlagSource };
  readonly positionals: readonly string[];
}

/** The variable of a flag: `M2_` and the name in capitals. */
export const variableOf = (name: string): string => `M2_${name.toUpperCase().replaceAll('-', '_')}`;

type Token = NonNullable<ReturnType<typeof parseArgs>['tokens']>[number];
type OptionToken = Extract<Token, { kind: 'option' }>;

/**
 * Reads flags, then `M2_*` variables, then defaults.
 * @throws M2Error `M2_USAGE` for an unknown flag, a missing value or one out of range.
 */
export function parseFlags<T extends FlagTable>(
  table: T,
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): ParsedFlags<T> {
  const { given, positionals } = fromArguments(table, argv);
  const values: Record<string, unknown> = {};
  const sources: Record<string, FlagSource> = {};
  for (const [name, flag] of Object.entries(table)) {
    const variable = flag.action === true || flag.internal === true ? undefined : env[variableOf(name)];
    const fromFlag = given.get(name);
    if (fromFlag !== undefined) {
      values[name] = fromFlag;
      sources[name] = 'flag';
    } else if (variable !== undefined && variable !== '') {
      values[name] = flag.parse(variable, variableOf(name));
      sources[name] = 'environment';
    } else {
      values[name] = flag.fallback;
      sources[name] = 'default';
    }
  }
  return { values: values as FlagValues<T>, sources: sources as ParsedFlags<T>['sources'], positionals };
}

function fromArguments(table: FlagTable, argv: readonly string[]): { given: Map<string, unknown>; positionals: string[] } {
  const options: Record<string, { type: 'string' | 'boolean'; short?: string; multiple: boolean }> = {};
  for (const [name, flag] of Object.entries(table)) {
    const type = flag.placeholder === undefined ? 'boolean' : 'string';
    options[name] = { type, multiple: true, ...(flag.short === undefined ? {} : { short: flag.short }) };
  }
  // Not strict: its own messages name neither what is near nor what to do.
  const { tokens } = parseArgs({ args: [...argv], options, strict: false, allowPositionals: true, tokens: true });
  const given = new Map<string, unknown>();
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value);
    else if (token.kind === 'option') {
      const value = readOption(table, token);
      const former = given.get(token.name);
      const collects = table[token.name]?.repeatable === true && Array.isArray(former) && Array.isArray(value);
      given.set(token.name, collects ? [...former, ...value] : value);
    }
  }
  return { given, positionals };
}

function readOption(table: FlagTable, token: OptionToken): unknown {
  const flag = Object.hasOwn(table, token.name) ? table[token.name] : undefined;
  if (flag === undefined) {
    const known = Object.keys(table).filter((name) => table[name]?.internal !== true);
    throw new M2Error('M2_USAGE', `There is no flag ${token.rawName}.${didYouMean(token.name, known, '--')}`, {
      details: { flag: token.rawName },
    });
  }
  if (flag.placeholder === undefined) return flag.parse(token.value ?? 'true', token.rawName);
  if (token.value === undefined || (!token.inlineValue && token.value.startsWith('-'))) {
    throw new M2Error('M2_USAGE', `${token.rawName} needs a value: ${token.rawName}=${flag.placeholder}.`, {
      details: { flag: token.rawName },
    });
  }
  return flag.parse(token.value, token.rawName);
}
