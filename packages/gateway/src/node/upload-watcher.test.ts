import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@m2/core';
import { eventually, ManualClock } from '@m2/core/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { keepLines } from '../../test/harness.js';
import { FolderWatcher } from './upload-watcher.js';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'm2-watch-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('FolderWatcher', () => {
  it('tells each listener of its own file, and watches only while there is one', async () => {
    const watcher = new FolderWatcher(folder, { clock: systemClock, logger: keepLines(), recheckMs: 3_600_000, native: true });
    const told: string[] = [];
    expect(watcher.active).toBe(false);
    for (const name of ['a', 'b']) writeFileSync(join(folder, name), '');
    const removeA = watcher.add('a', () => told.push('a'));
    const removeB = watcher.add('b', () => told.push('b'));
    expect(watcher.active).toBe(true);
    appendFileSync(join(folder, 'b'), 'x');
    await eventually(() => told.includes('b'), 'b is reported');
    expect(told).not.toContain('a');
    removeA();
    removeA();
    expect(watcher.active).toBe(true);
    removeB();
    expect(watcher.active).toBe(false);
    const again = watcher.add('a', () => told.push('again'));
    appendFileSync(join(folder, 'a'), 'x');
    await eventually(() => told.includes('again'), 'a is reported');
    again();
  });

  it('looks again at every file by a timer of the clock, and only while there is one', () => {
    const clock = new ManualClock();
    const watcher = new FolderWatcher(folder, { clock, logger: keepLines(), recheckMs: 500, native: false });
    const told: [string, boolean][] = [];
    const remove = ['a', 'b'].map((name) => watcher.add(name, (recheck) => told.push([name, recheck])));
    clock.advance(499);
    expect(told).toEqual([]);
    clock.advance(1);
    expect(told).toEqual([
      ['a', true],
      ['b', true],
    ]);
    clock.advance(1000);
    expect(told).toHaveLength(6);
    for (const one of remove) one();
    clock.advance(5000);
    expect(told).toHaveLength(6);
  });

  it('goes on by the timer, and says so once, where the system cannot watch', () => {
    const clock = new ManualClock();
    const logger = keepLines();
    rmSync(folder, { recursive: true });
    const watcher = new FolderWatcher(folder, { clock, logger, recheckMs: 500, native: true });
    let told = 0;
    watcher.add('a', () => told++);
    watcher.add('b', () => told++);
    expect(watcher.active).toBe(false);
    expect(logger.lines.map(({ message }) => message)).toEqual([expect.stringContaining('every 500 ms')]);
    clock.advance(500);
    expect(told).toBe(2);
  });
});
