import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { M2Error } from '@m2/core';
import { describe, expect, it, onTestFinished } from 'vitest';
import { nativeImport } from '../../test/native-import.js';
import { importFailure } from './import-failure.js';
import { loadApp } from './index.js';
import { parseSpecifier } from './specifier.js';

const cwd = fileURLToPath(new URL('../../test/fixtures/apps/', import.meta.url));

/** The error of an app whose module cannot be imported. */
async function failure(specifier: string, folder: string = cwd): Promise<M2Error> {
  const error = await loadApp(specifier, { cwd: folder, importModule: nativeImport }).then(
    () => undefined,
    (cause: unknown) => cause,
  );
  if (!M2Error.is(error)) throw new Error(`No M2Error, but ${String(error)}.`);
  return error;
}

const stripsTypes = Number(process.versions.node.split('.')[0]) >= 23;

describe('loadApp: M2_APP_IMPORT_FAILED', () => {
  it.each([
    ['throws.mjs', `The app throws.mjs was found, but could not be loaded: Error: boom 1 at ${cwd}throws.mjs:2:7.`],
    ['throws-text.mjs', 'The app throws-text.mjs was found, but could not be loaded: the string "a string".'],
    ['imports-missing-file.mjs', `${cwd}imports-missing-file.mjs imports '${cwd}nowhere/lib.mjs', which does not exist.`],
    [
      'requires-missing-package.cjs',
      `${cwd}requires-missing-package.cjs imports 'm2-test-not-installed', which is not installed: npm install m2-test-not-installed.`,
    ],
    ['imports-missing-export.mjs', `does not provide an export named 'nothing' at ${cwd}imports-missing-export.mjs:1.`],
    ['require-in-esm.mjs', 'Name the file .cjs, or use import and export.'],
    ['import-in-commonjs.cjs', 'Name the file .mjs, or put "type": "module" in package.json.'],
    ['view.jsx', 'view.jsx is JSX, which Node does not run. Build it to JavaScript, or run node --import tsx'],
    ['page.html', 'Node does not run files named *.html. An app is a .mjs, .js or .cjs file.'],
    [
      'rejected.mjs',
      `The app rejected.mjs could not be made: its promise was rejected with Error: no database at ${cwd}rejected.mjs:1:31.`,
    ],
    ['exports.mjs:createBroken', `could not be made: its factory failed with Error: no database at ${cwd}exports.mjs:`],
  ])('%s', async (specifier, text) => {
    const error = await failure(specifier);
    expect(error.code).toBe('M2_APP_IMPORT_FAILED');
    expect(error.message).toContain(text);
    expect(error.cause).toBeDefined();
  });

  // Made here, because no tool of the project could read them.
  it.each([
    ['syntax.mjs', 'export default 1;\nexport const x = ;\n', "SyntaxError: Unexpected token ';' at FOLDER/syntax.mjs:2."],
    ['imports.mjs', 'import "./syntax.mjs";\n', "SyntaxError: Unexpected token ';'."],
    [
      'view.mjs',
      'export default () => <p>hello</p>;\n',
      'If that is JSX: Node does not run it; build it to JavaScript, or load a JSX loader',
    ],
  ])('code that cannot be read: %s', async (name, code, text) => {
    const folder = mkdtempSync(join(realpathSync(tmpdir()), 'm2-app-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, 'syntax.mjs'), 'export const x = ;\n');
    writeFileSync(join(folder, name), code);
    const error = await failure(name, folder);
    expect(error.code).toBe('M2_APP_IMPORT_FAILED');
    expect(error.message).toContain(text.replace('FOLDER', folder));
    expect(error.cause).toBeInstanceOf(SyntaxError);
  });

  it('a package that is not installed', async () => {
    const folder = mkdtempSync(join(realpathSync(tmpdir()), 'm2-app-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, 'app.mjs'), 'import "@m2-test/not-installed/deep";\n');
    const error = await failure('./app.mjs', folder);
    expect(error.message).toBe(
      `The app ./app.mjs was found, but could not be loaded: ${join(folder, 'app.mjs')} imports '@m2-test/not-installed', which is not ` +
        'installed: npm install @m2-test/not-installed.',
    );
    expect(error.cause).toMatchObject({ code: 'ERR_MODULE_NOT_FOUND' });
  });

  it('tells a missing dependency from a missing app', async () => {
    expect((await failure('imports-missing-file.mjs')).details).toMatchObject({
      missing: `${cwd}nowhere/lib.mjs`,
      path: `${cwd}imports-missing-file.mjs`,
    });
    expect((await failure('missing.mjs')).code).toBe('M2_APP_NOT_FOUND');
  });

  it('keeps the error with its stack', async () => {
    expect(((await failure('throws.mjs')).cause as Error).stack).toContain('throws.mjs:2:7');
  });
});

describe('loadApp: M2_APP_TYPESCRIPT_UNSUPPORTED', () => {
  it.skipIf(stripsTypes).each(['typed.ts', 'imports-typed.mjs', 'typed.ts:default'])('%s', async (specifier) => {
    const error = await failure(specifier);
    expect(error.code).toBe('M2_APP_TYPESCRIPT_UNSUPPORTED');
    expect(error.message).toBe(
      `The app ${specifier.replace(':default', '')} could not be loaded: ${cwd}typed.ts is TypeScript. Node runs TypeScript from 22.18 on, and this ` +
        `is ${process.versions.node}: build it to JavaScript, or run node --import tsx node_modules/.bin/m2 serve ${specifier} … (npm install tsx).`,
    );
  });

  it('knows TypeScript with JSX', async () => {
    const error = await failure('typed.tsx');
    expect(error.code).toBe('M2_APP_TYPESCRIPT_UNSUPPORTED');
    expect(error.message).toContain('typed.tsx is TypeScript with JSX. No Node runs JSX: build it');
  });

  it('knows what newer versions of Node say of TypeScript that they cannot strip', async () => {
    const cause = Object.assign(new SyntaxError('TypeScript enum is not supported in strip-only mode'), {
      code: 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX',
    });
    const error = await importFailure(parseSpecifier('typed.ts', cwd), cause);
    expect(error.code).toBe('M2_APP_TYPESCRIPT_UNSUPPORTED');
    expect(error.message).toContain('TypeScript enum is not supported in strip-only mode');
    expect(error.message).toContain('Node only strips types; run it with node --import tsx');
  });
});
