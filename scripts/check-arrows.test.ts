import { afterEach, describe, expect, it } from 'vitest';
import { checkArrows } from './check-arrows.mjs';
import { projectRoot, readJson } from './lib/files.mjs';
import { makeTree, removeTrees } from './lib/test-tree.mjs';

type Files = Record<string, unknown>;

afterEach(removeTrees);

const manifest = (name: string, more: object = {}) => ({
  name: `@m2/${name}`,
  version: '1.0.0',
  exports: { '.': './dist/index.js' },
  ...more,
});
const core = { '@m2/core': '1.0.0' };

/** A small project that keeps every rule; `files` change or add to it. */
const base: Files = {
  'package.json': { devDependencies: { vitest: '1' } },
  'scripts/arrows.json': {
    arrows: { core: [], 'transport-a': ['core'], 'transport-b': ['core'], cli: ['core', 'transport-a', 'transport-b'] },
    families: ['transport-'],
    browserSafe: ['core', 'transport-a'],
    nodeOnly: ['/src/node/', '/src/platform/node.ts'],
    testingEntries: { '@m2/core/testing': [] },
  },
  'packages/core/package.json': manifest('core', {
    imports: { '#platform': './dist/platform/node.js' },
    exports: { '.': './dist/index.js', './testing': './dist/testing.js' },
  }),
  'packages/core/src/index.ts':
    "export const a = 1; import { f } from '#platform'; f(); export const o = { process: 1 }; o.process;",
  'packages/core/src/platform/node.ts': "import 'node:fs'; export const f = () => Buffer.from('');",
  'packages/transport-a/package.json': manifest('transport-a', { dependencies: { ...core, zeromq: '6' } }),
  'packages/transport-a/src/index.ts':
    "import { a } from '@m2/core'; import type { Push } from 'zeromq'; export { a, type Push };",
  'packages/transport-a/src/index.test.ts': "import 'node:net'; import 'vitest'; import '@m2/core/testing'; import './index.js';",
  'packages/transport-b/package.json': manifest('transport-b', { dependencies: core }),
  'packages/transport-b/src/index.ts': "import 'node:net'; export { a } from '@m2/core';",
};

function problems(files: Files = {}): string {
  return checkArrows(makeTree({ ...base, ...files }))
    .map(({ file, message }) => `${file}: ${message}`)
    .join('\n');
}

const inCore = (code: string) => problems({ 'packages/core/src/x.ts': code });
const inB = (code: string) => problems({ 'packages/transport-b/src/x.ts': code });

describe('check-arrows', () => {
  it('finds nothing wrong with a project that keeps the rules', () => {
    expect(problems()).toBe('');
  });

  it.each([
    ["import '@m2/transport-a';", 'import'],
    ["export * from '@m2/transport-a';", 'export'],
    ["const m = await import('@m2/transport-a');", 'dynamic import'],
    ['const m = await import(`@m2/transport-a`);', 'dynamic import of a template'],
    ["export type T = import('@m2/transport-a').X;", 'type import'],
    ["import type { X } from '@m2/transport-a'; export type { X };", 'type-only import'],
    ["import m = require('@m2/transport-a'); m;", 'require'],
    ["import.meta.resolve('@m2/transport-a');", 'resolve'],
  ])('sees %s', (code) => {
    expect(inB(code)).toContain('transport-b may not import transport-a');
  });

  it('refuses deep imports and relative paths into other packages', () => {
    expect(inB("import '@m2/core/dist/wire.js';")).toContain('no public entry');
    expect(inB("import '../../core/src/index.js';")).toContain('reaches out of its package');
    expect(problems({ 'test/x.ts': "import '../packages/core/src/index.js';" })).toContain('reaches into a package');
  });

  it('refuses what no package.json declares, in tests too', () => {
    expect(inB("import 'ws';")).toContain('imports ws');
    expect(inB("import 'vitest';")).toContain('imports vitest');
    expect(problems({ 'packages/core/src/x.test.ts': "import '@scope/left/pad';" })).toContain('imports @scope/left');
    expect(problems({ 'test/x.ts': "import 'ws';" })).toContain('imports ws');
    expect(inCore("import '#other';")).toContain('#other is not in "imports"');
  });

  it('keeps the testing entry out of shipped code', () => {
    expect(inB("import '@m2/core/testing';")).toContain('is for tests');
  });

  it.each([
    ["import 'node:fs';", 'imports node:fs'],
    ["import type { Socket } from 'node:net'; export type S = Socket;", 'imports node:net'],
    ["import 'fs';", 'write node:fs'],
    ["import './platform/node.js';", 'only runs on Node'],
    ["export const b = Buffer.from('x');", 'uses Buffer'],
    ['export type B = Buffer;', 'uses Buffer'],
    ['export const p = globalThis.process;', 'uses process'],
    ['setImmediate(() => {});', 'uses setImmediate'],
    ['export const m = (name: string) => import(name);', 'computed import'],
  ])('refuses in a package that runs in browsers: %s', (code, message) => {
    expect(inCore(code)).toContain(message);
  });
});

describe('check-arrows: manifests and the table', () => {
  it('compares dependencies with the table, the versions and the references', () => {
    const b = (more: object) => problems({ 'packages/transport-b/package.json': manifest('transport-b', more) });
    expect(b({ dependencies: { ...core, '@m2/transport-a': '1.0.0' } })).toContain('transport-b may not depend on transport-a');
    expect(b({ dependencies: { '@m2/core': '^1.0.0' } })).toContain('versions are fixed');
    expect(b({})).toContain('imports @m2/core, which its package.json does not declare');
    expect(problems({ 'packages/transport-b/tsconfig.json': { references: [{ path: '../cli' }] } })).toContain(
      'misses a reference to ../core',
    );
    expect(
      problems({ 'packages/transport-b/tsconfig.json': { references: [{ path: '../core' }, { path: '../cli' }] } }),
    ).toContain('no dependency');
  });

  it('keeps core without dependencies and every package in the table', () => {
    expect(problems({ 'packages/core/package.json': manifest('core', { dependencies: { ws: '8' } }) })).toContain(
      'core has no dependency',
    );
    expect(problems({ 'packages/new/package.json': manifest('new') })).toContain('not in scripts/arrows.json');
    expect(problems({ 'packages/cli/package.json': manifest('other') })).toContain('the folder says @m2/cli');
  });

  it('refuses a table with cycles, siblings or strangers', () => {
    const table = (arrows: object) => problems({ 'scripts/arrows.json': { ...(base['scripts/arrows.json'] as object), arrows } });
    const rows = { core: [], 'transport-a': ['core'], 'transport-b': ['core'], cli: [] };
    expect(table({ ...rows, core: ['cli'] })).toContain('which is not above it');
    expect(table({ ...rows, 'transport-b': ['core', 'transport-a'] })).toContain('are siblings');
    expect(table({ ...rows, cli: ['nobody'] })).toContain('not in the table');
  });

  it('holds for the table of this project', () => {
    const { arrows, browserSafe } = readJson(projectRoot, 'scripts/arrows.json');
    expect(arrows.core).toEqual([]);
    for (const name of browserSafe) expect(Object.keys(arrows)).toContain(name);
  });
});
