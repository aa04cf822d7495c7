import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger, systemClock } from '@m2/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { watchFolder } from './watch-folder.js';

describe('watchFolder', () => {
  let folder = '';
  let end = () => {};
  let changes: string[] = [];
  let told = () => {};

  const nextChange = () =>
    new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no change was seen; so far ${changes.join(', ')}`)), 10_000);
      told = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'm2-watch-'));
    await mkdir(join(folder, 'lib/deep'), { recursive: true });
    await mkdir(join(folder, 'node_modules/x'), { recursive: true });
    await mkdir(join(folder, '.git'));
    await writeFile(join(folder, 'app.mjs'), '1');
    changes = [];
    end = watchFolder({
      folder,
      clock: systemClock,
      logger: silentLogger,
      changed: (path) => {
        changes.push(path);
        told();
      },
    });
  });

  afterEach(async () => {
    end();
    await rm(folder, { recursive: true, force: true });
  });

  it('tells of a changed file, once for a burst', async () => {
    const change = nextChange();
    for (let n = 0; n < 5; n++) await writeFile(join(folder, 'app.mjs'), `${n}`);
    await change;
    expect(changes).toEqual(['app.mjs']);
  });

  it('follows folders below, new ones too', async () => {
    let change = nextChange();
    await writeFile(join(folder, 'lib/deep/a.ts'), '1');
    await change;
    expect(changes).toEqual([join('lib/deep/a.ts')]);
    change = nextChange();
    await mkdir(join(folder, 'fresh'));
    await change;
    change = nextChange();
    await writeFile(join(folder, 'fresh/b.json'), '1');
    await change;
    expect(changes.at(-1)).toBe(join('fresh/b.json'));
  });

  it('does not tell of packages, hidden folders and files that are no source', async () => {
    await writeFile(join(folder, 'node_modules/x/index.js'), '1');
    await writeFile(join(folder, '.git/index.js'), '1');
    await writeFile(join(folder, 'access.log'), '1');
    await writeFile(join(folder, '.hidden.js'), '1');
    const change = nextChange();
    await writeFile(join(folder, 'app.mjs'), '2');
    await change;
    expect(changes).toEqual(['app.mjs']);
  });

  it('tells of a file that is removed', async () => {
    const change = nextChange();
    await rm(join(folder, 'app.mjs'));
    await change;
    expect(changes).toEqual(['app.mjs']);
  });

  it('tells of nothing once it was ended', async () => {
    await writeFile(join(folder, 'app.mjs'), '2');
    end();
    const other = watchFolder({ folder, clock: systemClock, logger: silentLogger, changed: () => told() });
    const change = nextChange();
    await writeFile(join(folder, 'app.mjs'), '3');
    await change;
    other();
    expect(changes).toEqual([]);
  });
});
