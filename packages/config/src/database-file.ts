import { constants, type Stats } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { M2Error } from '@m2/core';

/** Configurations are small: a database of a thousand routes has 200 KiB. */
const MAX_BYTES = 64 * 1024 * 1024;
const MAGIC = 'SQLite format 3\0';
/** How often a file that changes under our hands is read anew. */
const ATTEMPTS = 5;

const unreadable = (path: string, what: string, todo: string, cause?: unknown): M2Error =>
  new M2Error('M2_CONFIG_UNREADABLE', `Mongrel2's configuration ${path} ${what}. ${todo}`, {
    details: { path },
    ...(cause === undefined ? {} : { cause }),
  });

const busy = (path: string, what: string, todo: string): M2Error =>
  new M2Error('M2_CONFIG_BUSY', `Mongrel2's configuration ${path} ${what}. ${todo}`, { details: { path } });

const REASONS: Readonly<Record<string, readonly [string, string]>> = {
  ENOENT: ['does not exist', 'Give the path of the database that Mongrel2 is started with.'],
  ENOTDIR: ['does not exist: a part of its path is no folder', 'Give the path of the database that Mongrel2 is started with.'],
  EACCES: ['may not be read by this user', 'Let this user read it, for instance through its group.'],
  EPERM: ['may not be read by this user', 'Let this user read it, for instance through its group.'],
  ELOOP: ['is a circle of links', 'Give the path of the database itself.'],
};

function fromSystem(path: string, cause: unknown): M2Error {
  const code: unknown = (cause as { code?: unknown }).code;
  const [what, todo] = REASONS[String(code)] ?? [`cannot be read (${String(code)})`, 'Its cause says why.'];
  return unreadable(path, what, todo, cause);
}

/**
 * The bytes of a database, all of one moment. The file is opened for reading only, and nothing is made beside it: no lock, no journal.
 * @throws M2Error `M2_CONFIG_UNREADABLE` for what is no database or cannot be read, `M2_CONFIG_BUSY` for one that is being written.
 */
export async function readDatabaseFile(path: string): Promise<Uint8Array> {
  // A named pipe would make the open wait for its other end.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((cause: unknown) => {
    throw fromSystem(path, cause);
  });
  try {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      await refuseOpenJournals(path);
      const before = await file.stat();
      const shape = { size: before.size, isFile: before.isFile(), isDirectory: before.isDirectory() };
      const bytes = await readAll(path, file, shape);
      const after = await file.stat();
      const same = before.mtimeMs === after.mtimeMs && before.ctimeMs === after.ctimeMs && bytes.length === after.size;
      if (same) {
        await refuseOpenJournals(path);
        return checked(path, bytes);
      }
    }
  } catch (error) {
    throw M2Error.is(error) ? error : fromSystem(path, error);
  } finally {
    await file.close();
  }
  throw busy(path, `changed while it was read, ${ATTEMPTS} times in a row`, 'Try again when whoever writes it is done.');
}

async function readAll(path: string, file: FileHandle, { size, isFile, isDirectory }: Shape): Promise<Uint8Array> {
  if (isDirectory) throw unreadable(path, 'is a folder', 'Give the path of the database in it, such as config.sqlite.');
  if (!isFile) throw unreadable(path, 'is no regular file', 'Give the path of the database itself.');
  if (size === 0) throw unreadable(path, 'is empty', 'Load a configuration into it: m2 config build, or m2sh load.');
  if (size > MAX_BYTES) {
    throw unreadable(
      path,
      `has ${size} bytes, more than the ${MAX_BYTES} allowed`,
      'This is hardly a configuration of Mongrel2.',
    );
  }
  const bytes = new Uint8Array(size);
  let length = 0;
  while (length < size) {
    const { bytesRead } = await file.read(bytes, length, size - length, length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return bytes.subarray(0, length);
}

interface Shape {
  readonly size: number;
  readonly isFile: boolean;
  readonly isDirectory: boolean;
}

function checked(path: string, bytes: Uint8Array): Uint8Array {
  const magic = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(MAGIC.length, bytes.length)).toString('latin1');
  if (magic !== MAGIC) {
    throw unreadable(
      path,
      'is no SQLite database',
      'Give the database, not the file that it is made from: m2sh load -config mongrel2.conf -db config.sqlite, or m2 config build.',
    );
  }
  return bytes;
}

/** A journal that is not empty means that the file alone is not the whole of what was written. */
async function refuseOpenJournals(path: string): Promise<void> {
  const [journal, wal] = await Promise.all([statOf(`${path}-journal`), statOf(`${path}-wal`)]);
  if ((journal?.size ?? 0) > 0) {
    throw busy(
      path,
      `is being written, or its writer died: ${path}-journal is there`,
      `Try again when it is done; if nothing writes it, open it once with sqlite3 to roll it back.`,
    );
  }
  if ((wal?.size ?? 0) > 0) {
    throw busy(
      path,
      `has changes that are only in ${path}-wal`,
      `Bring them in: sqlite3 ${path} 'PRAGMA wal_checkpoint(TRUNCATE)'.`,
    );
  }
}

const statOf = (path: string): Promise<Stats | undefined> => stat(path).catch(() => undefined);
