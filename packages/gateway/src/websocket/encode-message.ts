import { frameHeader, Opcode, utf8Bytes } from '@m2/core';
import type { ResolvedWebSocketOptions } from './options.js';

/** What can be sent: a string goes out as a text message, bytes as a binary one. */
export type Sendable = string | ArrayBuffer | ArrayBufferView;

/** A frame in two parts, to be sent as one: its header, and its payload. Strings are latin1. */
export interface EncodedFrame {
  readonly head: string;
  readonly payload: string | Uint8Array;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII is what is meant, its control characters included
const ASCII = /^[\x00-\x7f]*$/;

/** A whole message as one frame; compressed when `windowBits` is not 0 and it is long enough to gain by it. */
export function encodeMessage(data: Sendable, windowBits: number, options: ResolvedWebSocketOptions): EncodedFrame {
  const text = typeof data === 'string';
  const opcode = text ? Opcode.text : Opcode.binary;
  const { deflate, deflateThreshold } = options;
  if (windowBits > 0 && deflate !== undefined && (text ? data.length : data.byteLength) >= deflateThreshold) {
    const compressed = deflate.deflate(text ? utf8Bytes(data) : toBytes(data), windowBits);
    if (compressed !== undefined) return { head: frameHeader(opcode, compressed.length, true), payload: compressed };
  }
  // ASCII needs no encoding, and strings are joined and written faster than bytes.
  const payload = !text ? toBytes(data) : ASCII.test(data) ? data : utf8Bytes(data);
  return { head: frameHeader(opcode, payload.length), payload };
}

function toBytes(data: ArrayBuffer | ArrayBufferView): Uint8Array {
  if (data instanceof Uint8Array) return data;
  return ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : new Uint8Array(data);
}
