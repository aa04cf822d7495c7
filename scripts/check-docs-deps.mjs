// Every package from outside has a line in docs/dependencies.md that says what it is for, and the other way round.
import { listPackages, readJson, readText } from './lib/files.mjs';
import { runCheck } from './lib/report.mjs';

/** @typedef {import('./lib/report.mjs').Problem} Problem */

const docsPath = 'docs/dependencies.md';
const groups = ['dependencies', 'devDependencies', 'peerDependencies', 'optionalDependencies'];

/** Name of a dependency → the package.json files that declare it. @param {string} root */
function declaredIn(root) {
  /** @type {Map<string, string[]>} */
  const declared = new Map();
  const manifests = [{ path: 'package.json', manifest: readJson(root, 'package.json') }, ...listPackages(root).values()];
  for (const { path, manifest } of manifests) {
    for (const name of groups.flatMap((group) => Object.keys(manifest[group] ?? {}))) {
      if (!name.startsWith('@m2/')) declared.set(name, [...(declared.get(name) ?? []), path]);
    }
  }
  return declared;
}

/** @param {string} root @returns {Problem[]} */
export function checkDocsDeps(root) {
  /** @type {Problem[]} */
  const problems = [];
  const declared = declaredIn(root);
  /** @type {Set<string>} */
  const documented = new Set();
  for (const [index, text] of readText(root, docsPath).split('\n').entries()) {
    const row = /^\|\s*`([^`]+)`\s*\|(.*)\|\s*$/.exec(text);
    if (!row) continue;
    const [, name = '', cells = ''] = row;
    const at = { file: docsPath, line: index + 1 };
    if (documented.has(name)) problems.push({ ...at, message: `${name} has two lines` });
    documented.add(name);
    if (!declared.has(name)) problems.push({ ...at, message: `no package.json declares ${name}` });
    if (cells.split('|').some((cell) => cell.trim() === ''))
      problems.push({ ...at, message: `the line of ${name} has an empty cell` });
  }
  for (const [name, paths] of declared) {
    if (!documented.has(name)) problems.push({ file: docsPath, message: `has no line for ${name} (${paths.join(', ')})` });
  }
  return problems;
}

await runCheck(import.meta.url, 'Every dependency is explained.', checkDocsDeps);
