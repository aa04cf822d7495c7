import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { projectRoot } from './files.mjs';
import { checkNode, run, SetupError, whyInstall } from './setup.mjs';
import { makeTree, removeTrees } from './test-tree.mjs';

afterEach(removeTrees);

describe('checkNode', () => {
  it.each(['20.19.0', '20.20.2', '22.0.0', '24.1.0'])('takes Node %s', (version) => {
    expect(() => checkNode(version)).not.toThrow();
  });

  it.each(['0.12.18', '18.20.0', '20.18.3'])('refuses Node %s with what to do', (version) => {
    expect(() => checkNode(version)).toThrow(SetupError);
    expect(() => checkNode(version)).toThrow(new RegExp(`20\\.19 or newer, but this is Node ${version}.*Install`));
  });
});

describe('whyInstall', () => {
  const lock = (packages: object) => ({ packages: { '': { version: '1' }, 'packages/core': { version: '1' }, ...packages } });
  const installed = (packages: object) => ({ packages });
  const a = { 'node_modules/a': { version: '1.0.0' } };
  const reason = (files: Record<string, unknown>) => whyInstall(makeTree(files));

  it('is content where what is installed is what is locked, whatever the times of the files', () => {
    expect(reason({ 'node_modules/.package-lock.json': installed(a), 'package-lock.json': lock(a) })).toBeUndefined();
  });

  it('does not miss binaries for other systems', () => {
    const locked = lock({ ...a, 'node_modules/b-win32': { version: '1', optional: true } });
    expect(reason({ 'node_modules/.package-lock.json': installed(a), 'package-lock.json': locked })).toBeUndefined();
  });

  it('says what is wrong otherwise', () => {
    expect(reason({ 'package-lock.json': lock(a) })).toBe('node_modules is missing');
    expect(reason({ 'node_modules/x': '', 'package-lock.json': lock(a) })).toContain('not made by npm');
    expect(reason({ 'node_modules/.package-lock.json': '{', 'package-lock.json': lock(a) })).toContain('not made by npm');
    expect(reason({ 'node_modules/.package-lock.json': installed({}), 'package-lock.json': lock(a) })).toBe(
      'node_modules/a is not installed',
    );
    const newer = lock({ 'node_modules/a': { version: '2.0.0' } });
    expect(reason({ 'node_modules/.package-lock.json': installed(a), 'package-lock.json': newer })).toContain(
      'is 1.0.0, but package-lock.json says 2.0.0',
    );
  });

  it('is content with this checkout, or these tests could not run', () => {
    expect(whyInstall(projectRoot)).toBeUndefined();
  });
});

describe('run', () => {
  const node = (code: string) => run(process.execPath, ['-e', code]);

  it('resolves to the exit code, and to 128 + n for signal n', async () => {
    expect(await node('process.exit(7)')).toBe(7);
    expect(await node('process.kill(process.pid, "SIGKILL")')).toBe(137);
    await expect(run('/no/such/program', [])).rejects.toThrow('ENOENT');
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('hands %s to the child and waits for its own end', async (signal) => {
    const setup = fileURLToPath(new URL('./setup.mjs', import.meta.url));
    const child = `process.on('${signal}', () => process.exit(5)); console.log('up'); setInterval(() => {}, 1000);`;
    const parent = `import { run } from ${JSON.stringify(setup)};
      process.exitCode = await run(process.execPath, ['-e', ${JSON.stringify(child)}]);`;
    const started = spawn(process.execPath, ['--input-type=module', '-e', parent], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(started.stdout, 'data');
    started.kill(signal);
    expect(await once(started, 'exit')).toEqual([5, null]);
  });
});
