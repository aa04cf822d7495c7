import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { listPackages, projectRoot, readJson, readText } from './lib/files.mjs';

const packages = [...listPackages(projectRoot).entries()];
const root = readJson(projectRoot, 'package.json');

/** Every file that `exports` or `imports` names. */
const targets = (value: unknown): string[] =>
  typeof value === 'string' ? [value] : Object.values((value ?? {}) as Record<string, unknown>).flatMap(targets);

describe.each(packages)('the manifest of %s', (name, { folder, manifest }) => {
  it('says what all packages say', () => {
    expect(manifest).toMatchObject({ name: `@m2/${name}`, type: 'module', license: 'MIT', engines: root.engines });
    expect(manifest.version).toBe(readJson(projectRoot, 'lerna.json').version);
    expect(manifest.description).toMatch(/^[A-Z].*[^.]$/);
    expect(manifest).not.toHaveProperty('repository');
    expect(manifest).not.toHaveProperty('private');
  });

  it('ships what it names, and a README', () => {
    expect(manifest.files).toEqual(expect.arrayContaining(['dist', 'README.md']));
    expect(readText(projectRoot, `${folder}/README.md`)).toContain(`# @m2/${name}\n`);
    for (const target of targets([manifest.exports, manifest.imports])) expect(target).toMatch(/^\.\/dist\/.+\.(?:js|d\.ts)$/);
    for (const bin of targets(manifest.bin)) {
      expect(existsSync(join(projectRoot, folder, bin))).toBe(true);
      expect(manifest.files).toContain(bin.split('/')[bin.startsWith('./') ? 1 : 0]);
    }
  });

  it('is in the tables of README.md and ARCHITECTURE.md', () => {
    expect(readText(projectRoot, 'README.md')).toMatch(new RegExp(`^\\| \\[\`@m2/${name}\`\\]\\(${folder}\\) \\|`, 'm'));
    expect(readText(projectRoot, 'ARCHITECTURE.md')).toMatch(new RegExp(`^\\| \`@m2/${name}\` \\|`, 'm'));
  });

  it('has types for each entry, named first', () => {
    for (const entry of Object.values(manifest.exports ?? {})) expect(Object.keys(entry as object)[0]).toBe('types');
  });

  it('is built, and found by name in tests', () => {
    const references = readJson(projectRoot, 'tsconfig.json').references.map(({ path }: { path: string }) => path);
    expect(references).toContain(folder);
    const { paths } = readJson(projectRoot, 'tsconfig.test.json').compilerOptions;
    for (const subpath of Object.keys(manifest.exports ?? {}).filter((key) => key !== '.')) {
      expect(Object.keys(paths)).toContain(`@m2/${name}/${subpath.slice(2)}`);
      expect(readText(projectRoot, 'vitest.config.ts')).toContain(`@m2\\/${name}\\/${subpath.slice(2)}$/`);
    }
  });
});
