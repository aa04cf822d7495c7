import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** @type {string[]} */
const made = [];

/**
 * Makes a folder with the given files (path → text, or a value that becomes JSON), for tests of the checks.
 * @param {Readonly<Record<string, unknown>>} files
 * @param {string} [parent] where to make it; the system's folder for such things unless told
 * @returns {string} the folder
 */
export function makeTree(files, parent = tmpdir()) {
  mkdirSync(parent, { recursive: true });
  const root = mkdtempSync(join(parent, 'm2-check-'));
  made.push(root);
  for (const [path, content] of Object.entries(files)) {
    const target = join(root, path);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, typeof content === 'string' ? content : JSON.stringify(content));
  }
  return root;
}

/** Removes every folder that `makeTree` made; for `afterEach`. */
export function removeTrees() {
  for (const root of made.splice(0)) rmSync(root, { recursive: true, force: true });
}
