import { randomBytes } from 'node:crypto';
import { chmod, type FileHandle, open, unlink } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import type { RoutedRequest } from './routed-request.js';

/** How many names are tried before it is an error. */
const ATTEMPTS = 100;
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** What becomes of an upload: sent, refused by the handler's socket, cut short, or failed for want of a file. */
export type UploadEnd = 'sent' | 'undelivered' | 'aborted' | Error;

/** Makes and opens a file that was not there before, as mkstemp does. */
async function makeTempFile(prefix: string): Promise<{ name: string; file: FileHandle }> {
  for (let attempt = 1; ; attempt++) {
    const suffix = Array.from(randomBytes(6), (byte) => LETTERS[byte % LETTERS.length]).join('');
    try {
      return { name: prefix + suffix, file: await open(prefix + suffix, 'wx', 0o600) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || attempt === ATTEMPTS) throw error;
    }
  }
}

/**
 * Stores a body in a file: a start message, the bytes, a done message (protocol 7.2). After the done message the file is the
 * handler's; before it, it is removed when anything goes wrong. Never rejects.
 */
export async function storeUpload(
  request: RoutedRequest,
  body: IncomingMessage,
  prefix: string,
  mode: number,
): Promise<UploadEnd> {
  let made: { name: string; file: FileHandle };
  try {
    made = await makeTempFile(prefix);
  } catch (error) {
    return error as Error;
  }
  const { name, file } = made;
  let end: UploadEnd = 'aborted';
  try {
    await chmod(name, mode);
    end = await copy(request, body, name, file);
  } catch (error) {
    // What node:http says of a client that left is no failure of ours.
    end = request.client.gone ? 'aborted' : (error as Error);
  } finally {
    await file.close().catch(() => {});
  }
  if (end === 'sent') {
    end = request.client.gone ? 'aborted' : notify(request, 'done', name) ? 'sent' : 'undelivered';
  }
  if (end !== 'sent') await unlink(name).catch(() => {});
  return end;
}

/** Headers are latin1, one character a byte; file names are UTF-8. */
function notify(request: RoutedRequest, stage: 'start' | 'done', name: string): boolean {
  request.head.table.set(`x-mongrel2-upload-${stage}`, Buffer.from(name).toString('latin1'));
  return request.send();
}

async function copy(request: RoutedRequest, body: IncomingMessage, name: string, file: FileHandle): Promise<UploadEnd> {
  if (request.client.gone) return 'aborted';
  if (!notify(request, 'start', name)) return 'undelivered';
  for await (const piece of body) await file.appendFile(piece as Buffer);
  return 'sent';
}
