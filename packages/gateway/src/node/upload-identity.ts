import { constants } from 'node:fs';
import { type FileHandle, lstat, open, unlink } from 'node:fs/promises';
import { M2Error } from '@m2/core';

/** Which file it is, whatever it is called. */
export interface FileIdentity {
  readonly dev: bigint;
  readonly ino: bigint;
}

/** What a file must be besides a regular one with one name. */
export interface FileExpectation {
  /** The user id that it must belong to; undefined for any. */
  readonly owner: number | undefined;
  /** The file it was before; undefined when it was not opened yet. */
  readonly identity: FileIdentity | undefined;
}

/** Never follows a link, and never waits for the other end of a pipe. Both are 0 where the system has no such flag. */
const FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/** What POSIX, and FreeBSD, say of a link that must not be followed. */
const LINK_CODES = new Set(['ELOOP', 'EMLINK']);

const refused = (path: string, why: string): M2Error =>
  new M2Error('M2_UPLOAD_REFUSED', `${path} is no upload of Mongrel2's: ${why}. It was not read and stays where it is.`, {
    details: { path },
  });

/** The error number's name, such as `ENOENT`. */
export const codeOf = (error: unknown): string | undefined => {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : undefined;
};

/**
 * Opens an upload's file for reading, once it is certain what it is: the checks are made on what was opened, so that nobody
 * can put something else in its place between the two. Rejects with `M2_UPLOAD_REFUSED`, or the system's own error.
 */
export async function openUpload(
  path: string,
  expected: FileExpectation,
): Promise<{ readonly handle: FileHandle; readonly identity: FileIdentity }> {
  const handle = await openFile(path);
  try {
    const stat = await handle.stat({ bigint: true });
    const why = mismatch(stat, expected);
    if (why !== undefined) throw refused(path, why);
    return { handle, identity: { dev: stat.dev, ino: stat.ino } };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, FLAGS);
  } catch (error) {
    if (LINK_CODES.has(codeOf(error) ?? '')) throw refused(path, 'it is a symbolic link');
    throw error;
  }
}

interface Facts extends FileIdentity {
  readonly nlink: bigint;
  readonly uid: bigint;
  isFile(): boolean;
}

function mismatch(stat: Facts, { owner, identity }: FileExpectation): string | undefined {
  if (!stat.isFile()) return 'it is no regular file';
  // None at all: Mongrel2 removed it after it was opened.
  if (stat.nlink > 1n) return 'it has several names (hard links)';
  if (owner !== undefined && stat.uid !== BigInt(owner)) return `it belongs to user ${stat.uid}, not ${owner}`;
  if (identity !== undefined && !isSame(identity, stat)) return 'it is another file than the one that was opened before';
  return undefined;
}

const isSame = (one: FileIdentity, other: FileIdentity): boolean => one.dev === other.dev && one.ino === other.ino;

/**
 * Removes a file that is still the one that was opened. To be called while it is open: as long as it is, its number is given
 * to no other file. Rejects as `openUpload`, with ENOENT when it is gone.
 */
export async function removeUpload(path: string, identity: FileIdentity): Promise<void> {
  // lstat, which sees a link and not what it points to.
  const stat = await lstat(path, { bigint: true });
  if (!isSame(identity, stat)) throw refused(path, 'another file has taken its name');
  await unlink(path);
}
