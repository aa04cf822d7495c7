import {
  appendFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StoredFile } from '@m2/core';
import { eventually, ManualClock, turns } from '@m2/core/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { keepLines } from '../../test/harness.js';
import { type UploadFolder, type UploadFolderOptions, uploadFolder } from './upload-folder.js';

let dir = '';
let logger = keepLines();
let folder: UploadFolder;

const make = (options: UploadFolderOptions = {}) => uploadFolder(dir, { logger, recheckMs: 3_600_000, ...options });
const at = (name = 'up.aaaaaa') => join(dir, name);
const begin = (length?: number, name?: string): StoredFile => {
  writeFileSync(at(name), '');
  return folder.open(at(name), length);
};
const write = (text: string, name?: string) => appendFileSync(at(name), text);
const text = async (file: StoredFile) => {
  const bytes = await file.read();
  return bytes === undefined ? undefined : Buffer.from(bytes).toString();
};
const files = () => readdirSync(dir);
const code = (error: string) => expect.objectContaining({ code: error });

beforeEach(() => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), 'm2-uploads-')));
  logger = keepLines();
  folder = make();
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe('uploadFolder', () => {
  it('maps names into the folder', () => {
    expect(folder.path).toBe(dir);
    expect(folder.locate('/uploads/up.OK3YBz')).toBe(at('up.OK3YBz'));
    expect(folder.locate('/uploads/../up.OK3YBz')).toBeUndefined();
    expect(make({ pattern: 'up.XXXXXX' }).locate('/etc/passwd')).toBeUndefined();
    expect(folder.stats()).toMatchObject({ refused: 1, open: 0, uploads: 0 });
  });

  it('resolves links in the path of the folder itself', () => {
    symlinkSync(dir, `${dir}-link`);
    expect(uploadFolder(`${dir}-link`).path).toBe(dir);
    unlinkSync(`${dir}-link`);
  });

  it('refuses what it cannot use, and says what to give', () => {
    writeFileSync(at('file'), '');
    expect(() => uploadFolder(at('nowhere'))).toThrow(/does not exist.*upload\.temp_store/);
    expect(() => uploadFolder(at('file'))).toThrow(/is no folder.*upload\.temp_store/);
    expect(() => uploadFolder(at('file'))).toThrow(code('M2_UPLOAD_DIR_INVALID') as Error);
    expect(() => make({ recheckMs: 0 })).toThrow(code('M2_OPTION_INVALID') as Error);
    expect(() => make({ pattern: 'up' })).toThrow(code('M2_OPTION_INVALID') as Error);
  });

  it('lists leftovers: named like uploads, old, and nobody waits for them', async () => {
    const old = new Date(Date.now() - 7_200_000);
    for (const name of ['up.oldold', 'up.newnew', 'up.openop', 'other-name']) {
      writeFileSync(at(name), 'four');
      if (name !== 'up.newnew') utimesSync(at(name), old, old);
    }
    mkdirSync(at('up.folder'));
    utimesSync(at('up.folder'), old, old);
    symlinkSync('/etc/passwd', at('up.linked'));
    folder.open(at('up.openop'), 4);
    expect(await folder.leftovers()).toEqual([{ path: at('up.oldold'), size: 4, modified: expect.closeTo(old.getTime(), -1) }]);
    expect(files()).toHaveLength(6);
  });
});

describe('an upload that is read while it is written', () => {
  it('is told by the system of each change, and ends with complete()', async () => {
    const file = begin();
    for (const piece of ['one', 'two']) {
      const next = text(file);
      await turns(3);
      write(piece);
      expect(await next).toBe(piece);
    }
    const end = text(file);
    file.complete();
    expect([await end, await text(file)]).toEqual([undefined, undefined]);
    await folder.settled();
    expect(files()).toEqual([]);
    expect(folder.stats()).toMatchObject({ uploads: 1, bytes: 6, removed: 1, open: 0, missedReports: 0 });
  });

  it('gives what was written before the word of completion, all of it', async () => {
    const file = begin();
    write('abc');
    const waits = file.read();
    await waits;
    const rest = text(file);
    await turns(3);
    write('def');
    file.complete();
    expect([await rest, await text(file)]).toEqual(['def', undefined]);
  });

  it('ends when all bytes are there, without the word of completion', async () => {
    const file = begin(6);
    write('abcdef');
    expect([await text(file), await text(file)]).toEqual(['abcdef', undefined]);
    await folder.settled();
    expect(files()).toEqual([]);
    file.complete();
    file.close();
    await folder.settled();
    expect(folder.stats()).toMatchObject({ removed: 1, gone: 0, open: 0 });
  });

  it('ends at its length, whatever Mongrel2 wrote behind it of requests that were sent ahead', async () => {
    const file = begin(5);
    write('abcdeGET /next HTTP/1.1');
    file.complete();
    expect([await text(file), await text(file)]).toEqual(['abcde', undefined]);
    await folder.settled();
    expect(files()).toEqual([]);
  });

  it('is looked at again by the clock where nothing is reported, and that is counted', async () => {
    const clock = new ManualClock();
    folder = make({ clock, recheckMs: 100, watch: false });
    const file = begin();
    // Whether the reader waits already when the byte is written shows nowhere: it does so sooner or later.
    while (folder.stats().missedReports === 0) {
      let got: string | undefined;
      void text(file).then((value) => {
        got = value;
      });
      await turns(10);
      write('x');
      await eventually(() => {
        clock.advance(100);
        return got === 'x';
      }, 'the byte is found');
    }
    file.abandon(new Error('over'));
    await folder.settled();
  });

  it('hands out at most 64 KiB at a time, in buffers of their own, and reads no further by itself', async () => {
    const file = begin(200_000);
    const content = Buffer.alloc(200_000, 'pattern');
    writeFileSync(at(), content);
    const first = (await file.read()) as Uint8Array;
    await turns(5);
    expect(folder.stats().bytes).toBe(65_536);
    const parts = [first];
    for (let part = await file.read(); part !== undefined; part = await file.read()) parts.push(part);
    expect(parts.map(({ length }) => length)).toEqual([65_536, 65_536, 65_536, 3392]);
    expect(new Set(parts.map(({ buffer }) => buffer)).size).toBe(4);
    expect(parts.every(({ buffer, length }) => buffer.byteLength === length)).toBe(true);
    expect(Buffer.concat(parts).equals(content)).toBe(true);
  });

  it('has one reader', async () => {
    const file = begin();
    const first = text(file);
    await expect(file.read()).rejects.toThrow(code('M2_EXCHANGE_STATE') as Error);
    write('x');
    expect(await first).toBe('x');
    file.abandon(new Error('over'));
    await folder.settled();
  });
});

describe('the file of an upload is removed', () => {
  it.each([0, 1])('when it is complete and nobody reads it (closed %i time before)', async (before) => {
    const file = begin(3);
    write('abc');
    if (before === 1) file.close();
    await folder.settled();
    expect(files()).toHaveLength(1);
    file.complete();
    file.close();
    await folder.settled();
    expect([files(), folder.stats().removed, folder.stats().open]).toEqual([[], 1, 0]);
  });

  it('when it was read in part and closed, then completed', async () => {
    const file = begin();
    write('abc');
    await file.read();
    file.close();
    await expect(file.read()).rejects.toThrow(code('M2_EXCHANGE_STATE') as Error);
    await folder.settled();
    expect(files()).toHaveLength(1);
    write('def');
    file.complete();
    await folder.settled();
    expect(files()).toEqual([]);
  });

  it('when it is closed while a read waits, which fails', async () => {
    const file = begin();
    const waiting = expect(file.read()).rejects.toThrow(code('M2_EXCHANGE_STATE') as Error);
    await turns(3);
    file.close();
    await waiting;
    file.complete();
    await folder.settled();
    expect(files()).toEqual([]);
  });

  it('when the upload is given up, before it was opened, while a read waits, and after its end', async () => {
    const cause = new Error('gone');
    const unread = begin(undefined, 'up.unread');
    const read = begin(undefined, 'up.readin');
    const waiting = expect(read.read()).rejects.toBe(cause);
    await turns(3);
    const whole = begin(undefined, 'up.wholef');
    write('abc', 'up.wholef');
    whole.complete();
    await whole.read();
    for (const file of [unread, read, whole]) file.abandon(cause);
    await waiting;
    await expect(whole.read()).rejects.toBe(cause);
    await folder.settled();
    expect(files()).toEqual([]);
    expect(folder.stats()).toMatchObject({ removed: 3, open: 0 });
  });

  it('before settled() resolves, though a read was under way', async () => {
    const file = begin();
    const waiting = expect(file.read()).rejects.toThrow(code('M2_EXCHANGE_STATE') as Error);
    await turns(3);
    file.close();
    file.abandon(new Error('gone'));
    await folder.settled();
    expect(files()).toEqual([]);
    await waiting;
  });

  it('by Mongrel2 when the upload breaks off, which is no fault', async () => {
    const file = begin();
    unlinkSync(at());
    file.abandon(new Error('gone'));
    await folder.settled();
    expect(folder.stats()).toMatchObject({ removed: 0, gone: 1, open: 0 });
    expect(logger.lines).toEqual([]);
  });

  it('only when it is still the same file', async () => {
    const file = begin();
    write('abc');
    await file.read();
    renameSync(at(), at('moved'));
    write('a stranger');
    file.complete();
    file.close();
    await folder.settled();
    expect(files().sort()).toEqual(['moved', 'up.aaaaaa']);
    expect(folder.stats()).toMatchObject({ removed: 0, refused: 1, open: 0 });
  });
});

describe('an upload that fails', () => {
  it('because it is shorter than its request said', async () => {
    const file = begin(5);
    const first = file.read();
    await turns(3);
    write('abc');
    file.complete();
    await first;
    await expect(file.read()).rejects.toThrow(code('M2_UPLOAD_INCOMPLETE') as Error);
    file.close();
    await folder.settled();
    expect(files()).toEqual([]);
    expect(folder.stats().failed).toBe(1);
  });

  it('because a file that shrinks is not whole', async () => {
    const file = begin(6);
    write('abc');
    await file.read();
    truncateSync(at(), 0);
    file.complete();
    await expect(file.read()).rejects.toThrow(code('M2_UPLOAD_INCOMPLETE') as Error);
  });

  it('because there is no such file, with a word on the folder', async () => {
    const file = folder.open(at('up.nowher'), undefined);
    await expect(file.read()).rejects.toThrow(/upload\.temp_store/);
    await expect(file.read()).rejects.toThrow(code('M2_UPLOAD_UNREADABLE') as Error);
    file.complete();
    await folder.settled();
    expect(logger.lines.map(({ message }) => message)).toEqual([expect.stringContaining('there is no such file')]);
    expect(folder.stats()).toMatchObject({ failed: 1, gone: 1, open: 0 });
  });
});

describe('what is no upload of Mongrel2 is neither read nor removed', () => {
  const impostors: Record<string, (path: string) => void> = {
    'a symbolic link': (path) => symlinkSync(join(dir, 'secret'), path),
    'a hard link': (path) => linkSync(join(dir, 'secret'), path),
    'a folder': (path) => mkdirSync(path),
  };

  it.each(Object.entries(impostors))('%s', async (_what, plant) => {
    writeFileSync(at('secret'), 'secret');
    plant(at());
    const file = folder.open(at(), 6);
    await expect(file.read()).rejects.toThrow(code('M2_UPLOAD_REFUSED') as Error);
    file.complete();
    file.close();
    const unread = folder.open(at(), 6);
    unread.complete();
    unread.close();
    await folder.settled();
    expect([existsSync(at()), existsSync(at('secret'))]).toEqual([true, true]);
    expect(folder.stats()).toMatchObject({ removed: 0, refused: 2, open: 0, bytes: 0 });
    expect(logger.lines).toHaveLength(2);
  });

  it('a file of another user than the owner', async () => {
    folder = make({ owner: 4_000_000 });
    const file = begin();
    await expect(file.read()).rejects.toThrow(/belongs to user/);
    file.complete();
    await folder.settled();
    expect(files()).toHaveLength(1);
  });

  it('a file that belongs to another upload, which goes on', async () => {
    const file = begin();
    const thief = folder.open(at(), undefined);
    thief.complete();
    await expect(thief.read()).rejects.toThrow(code('M2_UPLOAD_REFUSED') as Error);
    thief.close();
    thief.abandon(new Error('gone'));
    await folder.settled();
    write('mine');
    file.complete();
    expect([await text(file), await text(file)]).toEqual(['mine', undefined]);
    await folder.settled();
    expect(files()).toEqual([]);
    expect(folder.stats()).toMatchObject({ refused: 1, uploads: 1, removed: 1, open: 0 });
  });
});
