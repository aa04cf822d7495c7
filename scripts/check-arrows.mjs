// Packages import only what scripts/arrows.json allows, through public entries, and what their package.json declares;
// packages that run in browsers use nothing of Node's.
import { readdirSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join, posix } from 'node:path';
import { isCode, isTest, listFiles, listPackages, readJson } from './lib/files.mjs';
import { runCheck } from './lib/report.mjs';
import { importsOf, parseFile, walkTree } from './lib/source.mjs';

/**
 * @typedef {import('./lib/report.mjs').Problem} Problem
 * @typedef {{ arrows: Record<string, string[]>, families: string[], browserSafe: string[], nodeOnly: string[], testingEntries: Record<string, string[]> }} Arrows
 * @typedef {Record<string, unknown> | undefined} Names
 * @typedef {ReturnType<typeof listPackages>} Packages
 * @typedef {{ path: string, owner: string | undefined, test: boolean, browser: boolean }} File
 * @typedef {{ root: string, arrows: Arrows, packages: Packages, rootManifest: any, report: (file: string, message: string, line?: number) => void }} Context
 */

const builtins = new Set(builtinModules);
const nodeGlobals = new Set([
  'Buffer',
  'process',
  'require',
  'global',
  'setImmediate',
  'clearImmediate',
  '__dirname',
  '__filename',
]);

/** @param {...Names} groups */
const namesIn = (...groups) => new Set(groups.flatMap((group) => Object.keys(group ?? {})));

/** The package part of a bare specifier. @param {string} specifier */
const packageOf = (specifier) => specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');

/** @param {Arrows} arrows @param {string} path */
const isNodeOnly = (arrows, path) => arrows.nodeOnly.some((part) => path.includes(part));

/** The table itself: no cycles (a package imports none listed below it), no siblings. @param {Context} context */
function checkTable({ arrows, report }) {
  const order = Object.keys(arrows.arrows);
  for (const [name, targets] of Object.entries(arrows.arrows)) {
    for (const target of targets) {
      const at = order.indexOf(target);
      if (at === -1) report('scripts/arrows.json', `${name} may import ${target}, which is not in the table`);
      else if (at >= order.indexOf(name)) report('scripts/arrows.json', `${name} may import ${target}, which is not above it`);
      if (name !== 'cli' && arrows.families.some((family) => name.startsWith(family) && target.startsWith(family))) {
        report('scripts/arrows.json', `${name} and ${target} are siblings: they never import each other`);
      }
    }
  }
}

/** @param {Context} context @param {string} name */
function checkManifest({ root, arrows, packages, report }, name) {
  const entry = /** @type {{ folder: string, path: string, manifest: any }} */ (packages.get(name));
  const { folder, path, manifest } = entry;
  const allowed = arrows.arrows[name];
  if (!allowed) return report(path, `the package ${name} is not in scripts/arrows.json`);
  if (manifest.name !== `@m2/${name}`) report(path, `the name is ${manifest.name}, but the folder says @m2/${name}`);
  if (name === 'core' && namesIn(manifest.dependencies, manifest.peerDependencies).size > 0)
    report(path, 'core has no dependency at run time');
  const declared = namesIn(
    manifest.dependencies,
    manifest.peerDependencies,
    manifest.optionalDependencies,
    manifest.devDependencies,
  );
  const own = [...declared].filter((dependency) => dependency.startsWith('@m2/')).map((dependency) => dependency.slice(4));
  for (const target of own) {
    if (!allowed.includes(target)) report(path, `${name} may not depend on ${target} (scripts/arrows.json)`);
    if (!packages.has(target)) report(path, `there is no package ${target}`);
    const version = packages.get(target)?.manifest.version;
    const wanted = { ...manifest.devDependencies, ...manifest.peerDependencies, ...manifest.dependencies }[`@m2/${target}`];
    if (version !== undefined && wanted !== version)
      report(path, `@m2/${target} is wanted as ${wanted}, but it is ${version}: versions are fixed`);
  }
  if (!readdirSync(join(root, folder)).includes('tsconfig.json')) return;
  const references = (readJson(root, `${folder}/tsconfig.json`).references ?? []).map(
    (/** @type {{ path: string }} */ { path }) => path.replace('../', ''),
  );
  for (const target of own.filter((dependency) => !references.includes(dependency)))
    report(`${folder}/tsconfig.json`, `misses a reference to ../${target}`);
  for (const target of references.filter((/** @type {string} */ it) => !own.includes(it)))
    report(`${folder}/tsconfig.json`, `refers to ../${target}, which is no dependency`);
}

/** An import of one of our own packages. @param {Context} context @param {File} file @param {string} specifier @param {number} line */
function checkOwnImport({ arrows, packages, report }, file, specifier, line) {
  const target = packageOf(specifier).slice(4);
  const entry = packages.get(target);
  if (!entry) return report(file.path, `there is no package @m2/${target}`, line);
  const subpath = `.${specifier.slice(packageOf(specifier).length)}`;
  if (!(subpath in (entry.manifest.exports ?? {}))) report(file.path, `${specifier} is no public entry of @m2/${target}`, line);
  const users = arrows.testingEntries[specifier];
  if (users && !file.test && file.owner !== undefined && !users.includes(file.owner))
    report(file.path, `${specifier} is for tests`, line);
  if (file.owner === undefined) return;
  if (target === file.owner) {
    if (!file.test) report(file.path, `imports its own package by name: use a relative path instead of ${specifier}`, line);
  } else if (!arrows.arrows[file.owner]?.includes(target))
    report(file.path, `${file.owner} may not import ${target} (scripts/arrows.json)`, line);
  else checkDeclared({ packages, report }, file, specifier, line);
}

/** @param {Pick<Context, 'packages' | 'report'> & { rootManifest?: any }} context @param {File} file @param {string} specifier @param {number} line */
function checkDeclared({ packages, report, rootManifest }, file, specifier, line) {
  const manifest = file.owner === undefined ? undefined : packages.get(file.owner)?.manifest;
  const declared = namesIn(manifest?.dependencies, manifest?.peerDependencies, manifest?.optionalDependencies);
  if (file.test || file.owner === undefined) {
    for (const name of namesIn(manifest?.devDependencies, rootManifest?.dependencies, rootManifest?.devDependencies))
      declared.add(name);
  }
  const name = packageOf(specifier);
  if (!declared.has(name))
    report(
      file.path,
      `imports ${name}, which ${file.owner === undefined ? 'the root' : 'its'} package.json does not declare`,
      line,
    );
}

/** @param {Context} context @param {File} file @param {string} specifier @param {number} line */
function checkRelative({ arrows, report }, file, specifier, line) {
  const target = posix.normalize(posix.join(posix.dirname(file.path), specifier));
  if (file.owner === undefined) {
    if (/^packages\/[^/]+\/(?:src|dist|test)\//.test(target))
      report(file.path, `reaches into a package: import its public entry instead of ${specifier}`, line);
    return;
  }
  if (!target.startsWith(`packages/${file.owner}/`)) report(file.path, `reaches out of its package: ${specifier}`, line);
  if (file.browser && isNodeOnly(arrows, target.replace(/\.js$/, '.ts')))
    report(file.path, `runs in browsers, but imports ${specifier}, which only runs on Node`, line);
}

/** @param {Context} context @param {File} file @param {string | undefined} specifier @param {number} line */
function checkImport(context, file, specifier, line) {
  const { packages, report } = context;
  if (specifier === undefined) {
    if (file.browser) report(file.path, 'a computed import cannot be checked here: pass the module in', line);
  } else if (specifier.startsWith('.')) checkRelative(context, file, specifier, line);
  else if (specifier.startsWith('#')) {
    const known = file.owner === undefined ? {} : (packages.get(file.owner)?.manifest.imports ?? {});
    if (!(specifier in known)) report(file.path, `${specifier} is not in "imports" of its package.json`, line);
  } else if (specifier.startsWith('node:') || builtins.has(specifier)) {
    if (!specifier.startsWith('node:')) report(file.path, `write node:${specifier}`, line);
    if (file.browser) report(file.path, `runs in browsers, but imports ${specifier}`, line);
  } else if (specifier.startsWith('@m2/')) checkOwnImport(context, file, specifier, line);
  else checkDeclared(context, file, specifier, line);
}

/**
 * Names of Node's globals, wherever one is read: as a value, as a type, or as a member of globalThis.
 * @param {Context} context @param {File} file @param {import('./lib/source.mjs').Source} source
 */
function checkGlobals({ report }, file, source) {
  walkTree(source.program, ({ node, parent, key }) => {
    if (node.type !== 'Identifier' || !nodeGlobals.has(node.name)) return;
    const isKey = parent && !parent.computed && ((key === 'property' && parent.object?.name !== 'globalThis') || key === 'key');
    if (!isKey) report(file.path, `runs in browsers, but uses ${node.name}`, source.lineOf(node.start));
  });
}

/** @param {Context} context @param {string} path */
function checkFile(context, path) {
  const owner = /^packages\/([^/]+)\//.exec(path)?.[1];
  const test = isTest(path);
  const { arrows } = context;
  const browser =
    !test && owner !== undefined && path.includes('/src/') && arrows.browserSafe.includes(owner) && !isNodeOnly(arrows, path);
  const file = { path, owner, test, browser };
  const source = parseFile(context.root, path);
  for (const { specifier, line } of importsOf(source)) checkImport(context, file, specifier, line);
  if (browser) checkGlobals(context, file, source);
}

/** @param {string} root @returns {Problem[]} */
export function checkArrows(root) {
  /** @type {Problem[]} */
  const problems = [];
  /** @type {Context} */
  const context = {
    root,
    arrows: readJson(root, 'scripts/arrows.json'),
    packages: listPackages(root),
    rootManifest: readJson(root, 'package.json'),
    report: (file, message, line) => void problems.push({ file, message, ...(line === undefined ? {} : { line }) }),
  };
  checkTable(context);
  for (const name of context.packages.keys()) checkManifest(context, name);
  for (const path of listFiles(root).filter(isCode)) checkFile(context, path);
  return problems;
}

await runCheck(import.meta.url, 'Every import follows scripts/arrows.json.', checkArrows);
