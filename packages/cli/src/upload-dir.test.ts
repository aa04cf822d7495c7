import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Logger, systemClock } from '@m2/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openUploadDir } from './upload-dir.js';

let cwd = '';
let warnings: string[] = [];
const logger: Logger = { debug() {}, info() {}, warn: (message) => void warnings.push(message), error() {} };
const open = (dir: string) => openUploadDir(dir, { cwd, clock: systemClock }, logger);

beforeEach(() => {
  cwd = realpathSync(mkdtempSync(join(tmpdir(), 'm2-cli-')));
  mkdirSync(join(cwd, 'uploads'));
  warnings = [];
});
afterEach(() => rmSync(cwd, { recursive: true }));

describe('--upload-dir', () => {
  it('is relative to the current folder', async () => {
    expect((await open('uploads')).path).toBe(join(cwd, 'uploads'));
    expect((await open(join(cwd, 'uploads'))).path).toBe(join(cwd, 'uploads'));
    expect(warnings).toEqual([]);
  });

  it('says what is wrong with it', async () => {
    await expect(open('nowhere')).rejects.toThrow(/nowhere" does not exist\. Give the folder of upload\.temp_store/);
    await expect(open('nowhere')).rejects.toMatchObject({ code: 'M2_UPLOAD_DIR_INVALID' });
  });

  it('reports what lies there from earlier, and leaves it there', async () => {
    for (const name of ['up.aaaaaa', 'up.bbbbbb', 'up.cccccc']) writeFileSync(join(cwd, 'uploads', name), 'four');
    for (const name of ['up.aaaaaa', 'up.bbbbbb']) utimesSync(join(cwd, 'uploads', name), 1e9, 1e9);
    await open('uploads');
    expect(warnings).toEqual([expect.stringMatching(/has 2 old uploads \(8 bytes in all, the oldest of 2001-09-09T01:46:40/)]);
    expect(readdirSync(join(cwd, 'uploads'))).toHaveLength(3);
  });
});
