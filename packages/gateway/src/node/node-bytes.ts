/** One write, as a Writable that takes strings has it. */
export interface Chunk {
  readonly chunk: string | Uint8Array;
  readonly encoding: BufferEncoding;
}

/** Text of one byte a character in all of Node's text encodings, which needs no encoding. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII is what is meant, its control characters included.
const ASCII = /^[\x00-\x7f]*$/;

const isText = (encoding: BufferEncoding | 'buffer' | null | undefined): boolean =>
  encoding === 'utf8' ||
  encoding === 'latin1' ||
  encoding === 'ascii' ||
  encoding === 'utf-8' ||
  encoding === 'binary' ||
  !encoding;

/** Bytes as they are, and text as latin1 where that says the same; otherwise as bytes. */
export function encodeChunk(chunk: string | Uint8Array, encoding: BufferEncoding): string | Uint8Array {
  if (typeof chunk !== 'string') return chunk;
  return isText(encoding) && ASCII.test(chunk) ? chunk : Buffer.from(chunk, encoding);
}

/** Several writes as one: text when all of them are. */
export function joinChunks(chunks: readonly Chunk[]): string | Uint8Array {
  let text = '';
  for (const { chunk, encoding } of chunks) {
    if (typeof chunk !== 'string' || !isText(encoding)) return joinBytes(chunks);
    text += chunk;
  }
  return ASCII.test(text) ? text : joinBytes(chunks);
}

function joinBytes(chunks: readonly Chunk[]): Uint8Array {
  return Buffer.concat(chunks.map(({ chunk, encoding }) => (typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk)));
}
