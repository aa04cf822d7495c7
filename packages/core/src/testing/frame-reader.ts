import { latin1Slice, utf8Slice } from '#platform';
import { splitFlags } from '../wire/websocket-frame.js';

/** A WebSocket frame that a server sent. */
export interface ServerFrame {
  readonly fin: boolean;
  readonly rsv1: boolean;
  readonly opcode: number;
  readonly payload: Uint8Array;
  /** The payload as UTF-8. */
  readonly text: string;
}

/** Reads one frame at `at`; undefined when it is not all there. Throws on a masked frame and on lengths not in their shortest form. */
function readFrame(bytes: Uint8Array, at: number): { frame: ServerFrame; end: number } | undefined {
  const [first, second] = [bytes[at], bytes[at + 1]];
  if (first === undefined || second === undefined) return undefined;
  if ((second & 0x80) !== 0) throw new Error('A server sent a masked WebSocket frame.');
  const short = second & 0x7f;
  const extra = short === 127 ? 8 : short === 126 ? 2 : 0;
  const start = at + 2 + extra;
  if (bytes.length < start) return undefined;
  let length = extra === 0 ? short : 0;
  for (let n = 0; n < extra; n++) length = length * 256 + (bytes[at + 2 + n] as number);
  if ((extra === 2 && length < 126) || (extra === 8 && length < 0x1_0000))
    throw new Error('A frame length is not in its shortest form.');
  if (bytes.length < start + length) return undefined;
  const payload = bytes.subarray(start, start + length);
  const { fin, rsv1, opcode } = splitFlags(first);
  return { frame: { fin, rsv1, opcode, payload, text: utf8Slice(payload, 0, length) }, end: start + length };
}

/** Every whole frame in `bytes`, as a strict client reads them. Throws when there is something else. */
export function readFrames(bytes: Uint8Array): ServerFrame[] {
  const frames: ServerFrame[] = [];
  for (let at = 0; ; ) {
    const piece = readFrame(bytes, at);
    if (piece === undefined) return frames;
    frames.push(piece.frame);
    at = piece.end;
  }
}

/** Bytes as one character each, for messages of tests. */
export const asLatin1 = (bytes: Uint8Array): string => latin1Slice(bytes, 0, bytes.length);
