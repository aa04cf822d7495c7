import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of this checkout. */
export const projectRoot = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

const skipped = new Set(['node_modules', 'dist', '.git', '.m2-tmp', 'coverage']);

/** @param {string} folder @param {string} root @param {string[]} found */
function walk(folder, root, found) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      if (!skipped.has(entry.name)) walk(path, root, found);
    } else if (entry.isFile()) found.push(relative(root, path).split(sep).join('/'));
  }
}

/**
 * Every file of the project, sorted, with `/` between folders. In a checkout that is what git tracks or would track;
 * elsewhere (an unpacked archive, a test's tree) every file outside the folders that builds make.
 * @param {string} root
 * @returns {string[]}
 */
export function listFiles(root) {
  if (existsSync(join(root, '.git'))) {
    const out = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
      cwd: root,
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
    });
    // A file that was deleted but not committed yet is still in git's list.
    return [...new Set(out.split('\0'))].filter((path) => path !== '' && existsSync(join(root, path))).sort();
  }
  /** @type {string[]} */
  const found = [];
  walk(root, root, found);
  return found.sort();
}

/** @param {string} root @param {string} path */
export const readText = (root, path) => readFileSync(join(root, path), 'utf8');

/** @param {string} root @param {string} path @returns {any} */
export const readJson = (root, path) => JSON.parse(readText(root, path));

/** True for TypeScript and JavaScript that people write. @param {string} path */
export const isCode = (path) => /\.(?:ts|mts|js|mjs)$/.test(path) && !path.endsWith('.d.ts');

/**
 * True for tests and what only tests use.
 * @param {string} path
 */
export const isTest = (path) => /\.test\.(?:ts|mjs)$/.test(path) || /^(?:packages\/[^/]+\/)?test\//.test(path);

/**
 * The packages, by folder name.
 * @param {string} root
 * @returns {Map<string, { folder: string, path: string, manifest: any }>}
 */
export function listPackages(root) {
  const packages = new Map();
  for (const path of listFiles(root)) {
    const match = /^packages\/([^/]+)\/package\.json$/.exec(path);
    if (match) packages.set(match[1], { folder: `packages/${match[1]}`, path, manifest: readJson(root, path) });
  }
  return packages;
}
