import { stat } from 'node:fs/promises';
import { hostname, userInfo } from 'node:os';
import { type Clock, M2Error, systemClock } from '@m2/core';
import { checkConfig } from './check-config.js';
import { databaseImage } from './database-image.js';
import type { ConfigDefinition } from './definition.js';
import type { ConfigModel, LogRow } from './model.js';
import { type ConfigNote, nameOf } from './note.js';
import { readConfig } from './read-config.js';
import { replaceFile } from './replace-file.js';
import { resolveDefinition } from './resolve-definition.js';
import { shapeProblems } from './shape.js';

/** A definition that was checked and found good. */
export interface CheckedConfig {
  readonly model: ConfigModel;
  /** Warnings. */
  readonly notes: readonly ConfigNote[];
}

const MAX_SHOWN = 50;

/**
 * Makes rows of a definition and checks them.
 * @throws M2Error `M2_CONFIG_INVALID` with all that is wrong.
 */
export function checkDefinition(definition: ConfigDefinition): CheckedConfig {
  const shape = shapeProblems(definition);
  if (shape.length > 0) throw invalid(shape.map(({ where, text }) => `${where}: ${text}`));
  const { model, problems } = resolveDefinition(definition);
  const own = Object.keys(definition.otherSettings ?? {}).map((key) => nameOf.setting(key));
  // That Mongrel2 does not know them is what that field says; a slip of the pen is worth a word all the same.
  const notes = checkConfig(model).filter(
    ({ id, where, text }) => id !== 'unknown-setting' || !own.includes(where) || text.includes('Did you mean'),
  );
  const errors = notes.filter(({ level }) => level === 'error');
  const wrong = [...problems, ...errors].map(({ where, text }) => `${where}: ${text}`);
  if (wrong.length > 0) throw invalid(wrong);
  return { model, notes };
}

function invalid(problems: readonly string[]): M2Error {
  const shown = problems.slice(0, MAX_SHOWN).map((text) => `\n  ${text}`);
  const more = problems.length > MAX_SHOWN ? `\n  and ${problems.length - MAX_SHOWN} more` : '';
  const count = problems.length === 1 ? 'one thing is' : `${problems.length} things are`;
  return new M2Error('M2_CONFIG_INVALID', `The configuration cannot be built, ${count} wrong:${shown.join('')}${more}`, {
    details: { problems },
  });
}

/** Options of {@link writeConfig}. */
export interface WriteOptions {
  /** What the configuration was made from, for the log. Default `defineConfig`. */
  readonly source?: string;
  /** What the log says was done. Default `build`. */
  readonly what?: string;
  /** Default: the machine's own. */
  readonly clock?: Clock;
}

/**
 * Writes a database that Mongrel2 loads, in one step: whoever opens it sees the old one or the new one. The log of the old one goes on. Mongrel2 reads it
 * when it is started the next time.
 * @throws M2Error `M2_CONFIG_NOT_WRITTEN`, `M2_CONFIG_BUSY` when the old one is being written, and what reading it throws: only a database is replaced.
 */
export async function writeConfig(path: string, model: ConfigModel, options: WriteOptions = {}): Promise<void> {
  const { source = 'defineConfig', what = 'build', clock = systemClock } = options;
  const log = await formerLog(path);
  const entry = { who: userName(), what, location: hostname(), how: source, why: 'command' };
  await replaceFile(path, await databaseImage({ ...model, log }, entry, clock.wall()));
}

/** An empty file, which m2sh leaves when it fails, is no database worth keeping; anything else that cannot be read is not ours to replace. */
async function formerLog(path: string): Promise<readonly LogRow[]> {
  const former = await stat(path).catch(() => undefined);
  if (former === undefined || (former.isFile() && former.size === 0)) return [];
  try {
    return (await readConfig(path)).log;
  } catch (error) {
    if (M2Error.is(error) && error.code === 'M2_CONFIG_INVALID') return [];
    throw error;
  }
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return process.env.LOGNAME ?? 'unknown';
  }
}
