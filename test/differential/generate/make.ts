import { patternBytes } from '../../harness/pattern.js';
import type { Abort, Case, Step } from '../case.js';
import type { BodyPlan, Lines, Plan } from '../plan.js';
import type { Random } from '../random.js';

/** Makes one case of a behaviour. */
export type Make = (random: Random) => Omit<Case, 'behaviour' | 'index'>;

/** A kind of request or answer that apps meet: a row of the grid. */
export interface Behaviour {
  readonly id: string;
  /** What it is, for people. */
  readonly title: string;
  readonly make: Make;
}

/** The longest body that Mongrel2 passes on in one piece (`limits.content_length`). */
export const SMALL_BODY = 20_480;

/** An answer of a few bytes. */
export function plan(random: Random, more: Partial<Plan> = {}): Plan {
  return { status: 200, headers: [['X-Plan', 'yes']], body: whole(random.int(1, 200)), way: random.int(0, 5), ...more };
}

/** A body sent at once. */
export const whole = (size: number): BodyPlan => ({ kind: 'whole', size });

/** A body sent in pieces. */
export const inPieces = (random: Random, declared = random.chance(), largest = 3000): BodyPlan => ({
  kind: 'pieces',
  sizes: random.list(random.int(1, 5), () => random.int(1, largest)),
  declared,
});

/** A request without a body. */
export function bare(random: Random, more: Partial<Step> = {}): Step {
  return {
    method: 'GET',
    target: '',
    version: '1.1',
    headers: [],
    host: 'localhost',
    wire: [],
    small: true,
    plan: plan(random),
    ...more,
  };
}

/** What a request with a body has. */
export interface BodyParts {
  readonly headers: readonly string[];
  readonly wire: readonly Uint8Array[];
  readonly small: boolean;
}

/** A body with a Content-Length, written in a few parts. */
export function lengthBody(random: Random, size: number, bytes: Uint8Array = patternBytes(random.int(0, 999), size)): BodyParts {
  let at = 0;
  const wire = random.parts(size, random.int(1, 3)).map((part) => {
    at += part;
    return bytes.subarray(at - part, at);
  });
  return { headers: [`${random.oddCase('content-length')}: ${size}`], wire, small: size <= SMALL_BODY };
}

/** A body in chunks, perhaps with extensions and trailers. */
export function chunkedBody(random: Random, sizes: readonly number[], trailers: Lines = [], extensions = false): BodyParts {
  const wire: Uint8Array[] = [];
  for (const size of sizes) {
    const extension = extensions && random.chance() ? `;${random.text(4)}=${random.text(3)}` : '';
    const line = random.chance() ? size.toString(16) : size.toString(16).toUpperCase().padStart(4, '0');
    wire.push(
      Buffer.concat([Buffer.from(`${line}${extension}\r\n`), patternBytes(random.int(0, 999), size), Buffer.from('\r\n')]),
    );
  }
  wire.push(Buffer.from(`0\r\n${trailers.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`, 'latin1'));
  return { headers: [`${random.oddCase('transfer-encoding')}: chunked`], wire, small: false };
}

/** A case of one request. */
export const single = (step: Step, abort?: Abort): ReturnType<Make> => ({
  steps: [step],
  pipelined: false,
  ...(abort === undefined ? {} : { abort }),
});

/** A case of several requests, each after the answer to the former. */
export const several = (steps: readonly Step[]): ReturnType<Make> => ({ steps, pipelined: false });

const HEADER_BYTES = 'abcdefghijklmnopqrstuvwxyzABCXYZ0123456789 !#$%&()*+-./:;<=>?@[]^_`{|}~';

/** A header value of visible characters that neither begins nor ends with a blank. */
export const headerValue = (random: Random, length = random.int(1, 40)): string => `v${random.text(length, HEADER_BYTES)}v`;

/** A value with bytes above 0x7F. */
export const latin1Value = (random: Random): string => `v${random.text(random.int(1, 12), '\xe9\xfc\xdf\xa9\xff\x80\xbe aZ')}v`;

/** A header name that means nothing to anybody. */
export const headerName = (random: Random): string => random.oddCase(`x-${random.text(random.int(2, 10), 'abcdefghij-')}q`);
