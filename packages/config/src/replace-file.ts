import { randomBytes } from 'node:crypto';
import { chmod, chown, open, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { M2Error } from '@m2/core';

/**
 * Writes a file so that who opens it sees either all of the old or all of the new one: under another name in its folder first, then renamed. An
 * existing file keeps its access mode and, as far as this user may, its owner; a link keeps pointing where it did.
 * @throws M2Error `M2_CONFIG_NOT_WRITTEN`; nothing is left behind then.
 */
export async function replaceFile(path: string, content: Uint8Array | string): Promise<void> {
  let temporary: string | undefined;
  try {
    const target = await realpath(path).catch(() => path);
    const former = await stat(target).catch(() => undefined);
    temporary = join(dirname(target), `.${basename(target)}.${randomBytes(6).toString('hex')}.tmp`);
    const file = await open(temporary, 'wx', 0o666);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    if (former !== undefined) {
      // The owner first: a change of owner takes bits off the mode. Only root may give a file away.
      await chown(temporary, former.uid, former.gid).catch(() => {});
      await chmod(temporary, former.mode & 0o7777);
    }
    await rename(temporary, target);
  } catch (cause) {
    if (temporary !== undefined) await rm(temporary, { force: true });
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new M2Error('M2_CONFIG_NOT_WRITTEN', `${path} could not be written: ${why}.`, { cause, details: { path } });
  }
}
