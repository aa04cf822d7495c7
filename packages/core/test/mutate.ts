/** Numbers from 0 up to below `limit`, the same ones for the same seed. */
export type Random = (limit: number) => number;

/** A small generator (mulberry32): fuzz runs must be repeatable from a printed seed. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000) * limit);
  };
}

type Mutation = (bytes: Uint8Array, random: Random, other: Uint8Array) => Uint8Array;

const join = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));

/** Replaces `removed` bytes at a random place by `added`. */
function splice(bytes: Uint8Array, random: Random, removed: number, added: Uint8Array): Uint8Array {
  const at = random(bytes.length + 1);
  return join(bytes.subarray(0, at), added, bytes.subarray(Math.min(bytes.length, at + removed)));
}

function changeDigit(bytes: Uint8Array, random: Random): Uint8Array {
  const copy = bytes.slice();
  const start = random(copy.length);
  for (let step = 0; step < copy.length; step++) {
    const at = (start + step) % copy.length;
    const byte = copy[at] as number;
    if (byte >= 0x30 && byte <= 0x39) {
      copy[at] = 0x30 + random(10);
      break;
    }
  }
  return copy;
}

// Bytes that mean something on this wire turn up more often than chance would have them.
const TELLING = Buffer.from(' :,}]#^!~"\\{[X-0129\0\t\n\x80\xff', 'latin1');
const anyByte = (random: Random): number => (random(2) === 0 ? random(256) : (TELLING[random(TELLING.length)] as number));

const mutations: readonly Mutation[] = [
  (bytes, random) => {
    const copy = bytes.slice();
    const at = random(copy.length);
    copy[at] = (copy[at] as number) ^ (1 << random(8));
    return copy;
  },
  (bytes, random) => {
    const copy = bytes.slice();
    copy[random(copy.length)] = anyByte(random);
    return copy;
  },
  (bytes, random) => splice(bytes, random, 0, Uint8Array.of(anyByte(random))),
  (bytes, random) => splice(bytes, random, 1 + random(8), new Uint8Array(0)),
  (bytes, random) => {
    const from = random(bytes.length);
    return splice(bytes, random, 0, bytes.subarray(from, from + 1 + random(20)));
  },
  changeDigit,
  (bytes, random) => bytes.slice(0, random(bytes.length)),
  (bytes, random) => bytes.slice(random(bytes.length)),
  (bytes, random, other) => join(bytes.subarray(0, random(bytes.length)), other.subarray(random(other.length))),
  (bytes, random, other) => splice(bytes, random, random(30), other.subarray(random(other.length)).subarray(0, 30)),
];

/** One of the samples with one to three mutations. */
export function mutate(samples: readonly Uint8Array[], random: Random): Uint8Array {
  // A copy, and no Buffer: slice() of a Buffer is a view, through which mutations would reach the samples.
  const pick = (): Uint8Array => new Uint8Array(samples[random(samples.length)] as Uint8Array);
  let bytes = pick();
  for (let left = 1 + random(3); left > 0 && bytes.length > 0; left--) {
    bytes = (mutations[random(mutations.length)] as Mutation)(bytes, random, pick());
  }
  return bytes;
}
