import { resolve } from 'node:path';
import type { Logger } from '@m2/core';
import type { UploadFolder } from '@m2/gateway/node';
import type { CliIo } from './io.js';

/**
 * The folder of `--upload-dir`; a relative path is one of the current folder. What lies there from earlier is reported.
 * @throws M2Error `M2_UPLOAD_DIR_INVALID`.
 */
export async function openUploadDir(dir: string, io: Pick<CliIo, 'cwd' | 'clock'>, logger: Logger): Promise<UploadFolder> {
  const { uploadFolder } = await import('@m2/gateway/node');
  const folder = uploadFolder(resolve(io.cwd, dir), { logger, clock: io.clock });
  const leftovers = await folder.leftovers();
  if (leftovers.length > 0) {
    const bytes = leftovers.reduce((sum, { size }) => sum + size, 0);
    const since = new Date(Math.min(...leftovers.map(({ modified }) => modified))).toISOString();
    logger.warn(
      `${folder.path} has ${leftovers.length} old uploads (${bytes} bytes in all, the oldest of ${since}) that nobody waits for. ` +
        'Remove them by hand; m2 does not.',
      { dir: folder.path, files: leftovers.length, bytes },
    );
  }
  return folder;
}
