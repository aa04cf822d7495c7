// The only file of core that knows it runs on Node: Buffer's latin1 routines are native and several times faster
// than the web platform's way, and setImmediate runs after the IO of a tick.

/** Buffer's native slices: documented nowhere in its types, present in every Node, and without toString()'s look at the encoding. */
interface NativeSlices {
  latin1Slice(start: number, end: number): string;
  utf8Slice(start: number, end: number): string;
}

const view = (bytes: Uint8Array): NativeSlices =>
  (Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)) as Buffer & NativeSlices;

/** The bytes from `start` to `end` as a string, one character a byte. */
export const latin1Slice = (bytes: Uint8Array, start: number, end: number): string => view(bytes).latin1Slice(start, end);

/** The bytes from `start` to `end` as text; invalid UTF-8 becomes U+FFFD. */
export const utf8Slice = (bytes: Uint8Array, start: number, end: number): string => view(bytes).utf8Slice(start, end);

/** One byte a character; characters above U+00FF lose their high bits, so check before. */
export const latin1Bytes = (text: string): Uint8Array => Buffer.from(text, 'latin1');

/** UTF-8 bytes of a text. */
export const utf8Bytes = (text: string): Uint8Array => Buffer.from(text, 'utf8');

/** How many bytes `text` takes in UTF-8. */
export const utf8Length = (text: string): number => Buffer.byteLength(text, 'utf8');

/** The parts as one new array. */
export const concatBytes = (parts: readonly Uint8Array[]): Uint8Array => Buffer.concat(parts as Uint8Array[]);

/** Calls back after the IO that is under way in this tick, once. */
export const afterTick = (callback: () => void): void => {
  setImmediate(callback);
};
