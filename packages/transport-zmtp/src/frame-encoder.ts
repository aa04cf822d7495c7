/** Flags and length of a message frame of `size` bytes, as latin1 text (RFC 37 "Framing"). */
export function frameHead(size: number, more: boolean): string {
  if (size < 256) return (more ? SHORT_MORE : SHORT)[size] as string;
  if (size < 65536) return (more ? LONG_MORE : LONG) + String.fromCharCode(size >> 8, size & 255);
  return `${more ? '\x03' : '\x02'}${longLength(size)}`;
}

/** A whole command frame. Its body is the name, with its length before it, and its data. */
export function encodeCommand(name: string, data: Buffer): Buffer {
  const size = 1 + name.length + data.length;
  const head = size < 256 ? `\x04${String.fromCharCode(size)}` : `\x06${longLength(size)}`;
  return Buffer.concat([Buffer.from(`${head}${String.fromCharCode(name.length)}${name}`, 'latin1'), data]);
}

function longLength(size: number): string {
  const high = Math.floor(size / 0x1_0000_0000);
  return String.fromCharCode(
    (high >>> 24) & 255,
    (high >>> 16) & 255,
    (high >>> 8) & 255,
    high & 255,
    (size >>> 24) & 255,
    (size >>> 16) & 255,
    (size >>> 8) & 255,
    size & 255,
  );
}

/** The heads of short frames, made once: nearly every message to Mongrel2 has one. */
const shortHeads = (flags: string): readonly string[] =>
  Array.from({ length: 256 }, (_, size) => flags + String.fromCharCode(size));
const SHORT = shortHeads('\x00');
const SHORT_MORE = shortHeads('\x01');
const LONG = '\x02\0\0\0\0\0\0';
const LONG_MORE = '\x03\0\0\0\0\0\0';
