import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { within } from '../harness/deadline.js';
import { reportFigures } from './report.js';

const SCRIPT = fileURLToPath(new URL('../fixtures/million-requests.mjs', import.meta.url));
const REQUESTS = 1_000_000;

interface Sample {
  readonly requests: number;
  readonly heapUsed: number;
}

interface Result {
  readonly samples: readonly Sample[];
  readonly counters: Readonly<Record<string, number>>;
  readonly open: number;
}

/** Bytes of heap per request, by least squares. */
function slope(samples: readonly Sample[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const x = mean(samples.map(({ requests }) => requests));
  const y = mean(samples.map(({ heapUsed }) => heapUsed));
  const covariance = mean(samples.map(({ requests, heapUsed }) => (requests - x) * (heapUsed - y)));
  return covariance / mean(samples.map(({ requests }) => (requests - x) ** 2));
}

describe('A million small requests', () => {
  it.each(['fetch', 'node'])('to a %s app leave the memory as it was', async (kind) => {
    const child = fork(SCRIPT, [kind, `${REQUESTS}`], { execArgv: ['--expose-gc'] });
    const result = await within(
      new Promise<Result>((resolve, reject) => {
        child.once('message', (message) => resolve(message as Result));
        child.once('exit', (code) => reject(new Error(`It ended with ${code}.`)));
      }),
      'a million requests',
      1_800_000,
    );
    const { samples, counters, open } = result;
    // What is compiled and cached in the beginning is no leak.
    const later = samples.filter(({ requests }) => requests >= REQUESTS / 4);
    const perRequest = slope(later);
    reportFigures(`A million small requests, ${kind} app`, {
      'bytes of heap per 1,000 requests': perRequest * 1000,
      'heap at a quarter, MB': (later[0]?.heapUsed ?? 0) / 1e6,
      'heap at the end, MB': (later.at(-1)?.heapUsed ?? 0) / 1e6,
    });
    expect([counters.received, counters.replied, open]).toEqual([REQUESTS, REQUESTS, 0]);
    // One byte each would be a leak of a megabyte here: whatever is kept per request or connection is more.
    expect(perRequest).toBeLessThan(1);
  });
});
