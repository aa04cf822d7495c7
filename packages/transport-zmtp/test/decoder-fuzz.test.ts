import { M2Error } from '@m2/core';
import { describe, expect, it } from 'vitest';
import { FrameDecoder } from '../src/frame-decoder.js';
import { defaultZmtpLimits } from '../src/limits.js';
import { FrameLog } from './frame-log.js';
import { seeded, upTo } from './random.js';
import { command, message } from './raw-peer.js';

const SEED = 20_240_229;
const MUTATIONS = 200_000;
const limits = { ...defaultZmtpLimits, frameBytes: 2000 };

type Random = () => number;

/** A valid stream of a few frames. */
function validStream(random: Random): Buffer {
  const frames = Array.from({ length: 1 + upTo(random, 4) }, () => {
    const size = [0, 1, upTo(random, 40), upTo(random, 40), 254 + upTo(random, 4)][upTo(random, 5)] ?? 0;
    const text = String.fromCharCode(upTo(random, 256)).repeat(size);
    return random() < 0.2 ? command('PING', text.slice(0, 40)) : message(text, random() < 0.3);
  });
  return Buffer.concat(frames);
}

/** Changes, drops, repeats or inserts bytes, most of all where frames have their heads. */
function mutate(stream: Buffer, random: Random): Buffer {
  const at = upTo(random, stream.length + 1);
  const until = Math.min(stream.length, at + upTo(random, 5));
  switch (upTo(random, 5)) {
    case 0: {
      const changed = Buffer.from(stream);
      for (let n = upTo(random, 3); n >= 0; n--) changed[upTo(random, stream.length)] = upTo(random, 256);
      return changed;
    }
    case 1:
      return Buffer.concat([stream.subarray(0, at), stream.subarray(until)]);
    case 2:
      return Buffer.concat([stream.subarray(0, until), stream.subarray(at)]);
    case 3:
      return Buffer.concat([stream.subarray(0, at), Buffer.from([upTo(random, 8), upTo(random, 256)]), stream.subarray(at)]);
    default:
      return stream.subarray(0, at);
  }
}

/** Splits a stream at random points. */
function split(stream: Buffer, random: Random): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0; at < stream.length; ) {
    const size = 1 + upTo(random, random() < 0.2 ? 4 : stream.length);
    chunks.push(stream.subarray(at, at + size));
    at += size;
  }
  return chunks;
}

/** What a decoder makes of chunks: what it finds, and the code of the error that ends it. Anything but an M2Error passes through. */
function run(chunks: readonly Buffer[]): { found: string[]; code: string; worst: number } {
  const decoder = new FrameDecoder(limits);
  const log = new FrameLog();
  let come = 0;
  let worst = 0;
  try {
    for (const chunk of chunks) {
      come += chunk.length;
      decoder.push(chunk, log);
      worst = Math.max(worst, decoder.heldBytes - Math.max(4096, come * 2));
      if (log.bytes > come) throw new Error('There came out more than went in.');
    }
  } catch (error) {
    if (!M2Error.is(error)) throw error;
    return { found: log.found, code: error.code, worst };
  }
  return { found: log.found, code: decoder.idle ? 'whole' : 'incomplete', worst };
}

describe('the decoder and hostile streams', () => {
  it(`finds the same in ${MUTATIONS} mutated streams however they are split, or ends with a coded error`, {
    timeout: 60_000,
  }, () => {
    // The stacks of expected errors would be half of the time that this takes.
    Error.stackTraceLimit = 0;
    const random = seeded(SEED);
    const ends: Record<string, number> = {};
    let stream = validStream(random);
    for (let count = 0; count < MUTATIONS; count++) {
      if (count % 10 === 0) stream = validStream(random);
      const mutated = mutate(stream, random);
      const whole = run([mutated]);
      const pieces = run(split(mutated, random));
      ends[whole.code] = (ends[whole.code] ?? 0) + 1;
      // expect() would be most of the time that this takes.
      const same = pieces.code === whole.code && pieces.found.join('\n') === whole.found.join('\n');
      if (!same || whole.worst > 0 || pieces.worst > 0)
        expect({ count, mutated, pieces }).toEqual({ count, mutated, pieces: whole });
    }
    expect(Object.keys(ends).sort()).toEqual(['M2_LIMIT_EXCEEDED', 'M2_PEER_PROTOCOL', 'incomplete', 'whole']);
    expect(Math.min(...Object.values(ends))).toBeGreaterThan(MUTATIONS / 200);
  });
});
