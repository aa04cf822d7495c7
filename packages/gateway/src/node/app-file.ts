import { readdirSync, statSync } from 'node:fs';
import { basename, dirname, extname, join, relative, sep } from 'node:path';
import { M2Error } from '@m2/core';
import { editDistance } from './edit-distance.js';
import { type AppSpecifier, isFile } from './specifier.js';

const EXTENSIONS = ['.mjs', '.js', '.cjs', '.mts', '.ts', '.cts', '.jsx', '.tsx'];
const SUGGESTIONS = 3;

/**
 * Makes sure that the app's file is there.
 * @throws M2Error `M2_APP_NOT_FOUND`, which names the path that was tried and files that may be meant.
 */
export function checkAppFile(specifier: AppSpecifier, cwd: string): void {
  const { path, fileName, exportName } = specifier;
  if (isFile(path)) return;
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  const what = isFolder ? `${path} is a folder, not the file of an app.` : `There is no file ${path}.`;
  const names = (isFolder ? filesIn(path, 'index') : similarFiles(specifier, cwd)).map((file) => display(file, cwd));
  const suffix = exportName === undefined ? '' : `:${exportName}`;
  const hint =
    names.length > 0
      ? ` Did you mean ${names.map((name) => `${name}${suffix}`).join(' or ')}?`
      : ' The app is given as file[:export], the file relative to the current folder, such as ./app.mjs.';
  throw new M2Error('M2_APP_NOT_FOUND', what + hint, { details: { given: fileName, path, suggestions: names } });
}

/** Files of this stem with an extension that code has. */
function filesIn(folder: string, stem: string): string[] {
  return EXTENSIONS.map((extension) => join(folder, stem + extension)).filter(isFile);
}

function similarFiles({ path, fileName }: AppSpecifier, cwd: string): string[] {
  const found = new Set<string>();
  // A slash too many: /app.mjs for ./app.mjs.
  const below = join(cwd, fileName);
  if (fileName.startsWith('/') && below !== path && isFile(below)) found.add(below);
  const folder = dirname(path);
  const wanted = basename(path);
  const stem = wanted.slice(0, wanted.length - (EXTENSIONS.includes(extname(wanted)) ? extname(wanted).length : 0));
  for (const file of filesIn(folder, stem)) found.add(file);
  for (const name of namesIn(folder)) {
    if (EXTENSIONS.includes(extname(name)) && editDistance(name, wanted, 2) <= 2) found.add(join(folder, name));
  }
  return [...found].slice(0, SUGGESTIONS);
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ name }) => name)
      .sort();
  } catch {
    return [];
  }
}

/** As one would type it. */
function display(path: string, cwd: string): string {
  const short = relative(cwd, path);
  return short.startsWith('..') ? path : `.${sep}${short}`;
}
