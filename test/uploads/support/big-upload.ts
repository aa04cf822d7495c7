import { once } from 'node:events';
import { connect } from 'node:net';
import { newHash, patternBytes } from '../../harness/pattern.js';
import type { Framing } from './sender.js';

const PIECE = 64 * 1024;

/** What the measuring app answers. */
export interface Measured {
  readonly size: number;
  readonly hash: string;
  /** The highest resident set size of its process so far, in bytes. */
  readonly peak: number;
}

/** Uploads `total` bytes of the pattern, no faster than they are taken; resolves to the hash of what was sent and the answer. */
export async function uploadPattern(
  port: number,
  path: string,
  framing: Framing,
  total: number,
): Promise<{ hash: string; answer: Measured }> {
  const socket = connect({ port, host: '127.0.0.1' });
  await once(socket, 'connect');
  let response = '';
  socket.setEncoding('latin1').on('data', (text: string) => {
    response += text;
  });
  const closed = once(socket, 'close');
  const length = framing === 'length' ? `Content-Length: ${total}` : 'Transfer-Encoding: chunked';
  socket.write(`POST ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${length}\r\n\r\n`);
  const hash = newHash();
  for (let sent = 0; sent < total; sent += PIECE) {
    const bytes = patternBytes(sent, Math.min(PIECE, total - sent));
    hash.update(bytes);
    const framed =
      framing === 'length' ? bytes : Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]);
    if (!socket.write(framed)) await Promise.race([once(socket, 'drain'), closed]);
    if (socket.destroyed) throw new Error(`The connection was closed after ${sent} of ${total} bytes: ${response}`);
  }
  if (framing === 'chunked') socket.write('0\r\n\r\n');
  await closed;
  const [head = '', body = ''] = response.split('\r\n\r\n');
  if (!head.startsWith('HTTP/1.1 200')) throw new Error(`The upload was answered with ${response}`);
  return { hash: hash.digest('hex'), answer: JSON.parse(body) as Measured };
}
