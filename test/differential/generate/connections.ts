import type { Abort } from '../case.js';
import type { Random } from '../random.js';
import { type Behaviour, bare, chunkedBody, inPieces, lengthBody, plan, several, single, whole } from './make.js';

const binary = 'Content-Type: application/octet-stream';
const how = (random: Random): Abort['how'] => random.pick(['reset', 'close', 'half-close']);

/** One request among others: a GET, or a POST that is echoed. */
function any(random: Random, more: readonly string[] = [], largest = 300) {
  if (random.chance())
    return bare(random, {
      headers: more,
      plan: plan(random, { body: random.chance() ? whole(largest) : inPieces(random, false, largest) }),
    });
  const { headers, wire, small } = random.chance()
    ? lengthBody(random, random.int(1, largest))
    : chunkedBody(random, [random.int(1, largest)]);
  return bare(random, {
    method: 'POST',
    headers: [binary, ...more, ...headers],
    wire,
    small,
    plan: plan(random, { body: { kind: 'echo' } }),
  });
}

/** A request whose body stops in the middle. `small`: Mongrel2 waits for the whole of it. */
function unfinished(random: Random, small: boolean) {
  const size = small ? random.int(100, 2000) : random.int(40_000, 90_000);
  // Mongrel2 passes on whole chunks only, so some of them have to be in the first half.
  const chunks = random.list(10, () => Math.floor(size / 10));
  const body = small || random.chance() ? lengthBody(random, size) : chunkedBody(random, chunks);
  const bytes = Buffer.concat(body.wire);
  return bare(random, {
    method: 'POST',
    headers: [binary, ...body.headers],
    wire: [bytes.subarray(0, Math.floor(bytes.length / 2))],
    small: body.small,
    plan: plan(random, { body: { kind: 'echo' } }),
  });
}

/** What happens to connections, and to apps and clients that fail. */
export const CONNECTIONS: readonly Behaviour[] = [
  {
    id: 'keep-alive',
    title: 'several requests on one connection',
    make: (random) => several(random.list(random.int(2, 4), () => any(random))),
  },
  {
    id: 'close',
    title: 'Connection: close',
    make: (random) => several([any(random), any(random, [random.pick(['Connection: close', 'connection: Close'])])]),
  },
  {
    id: 'http-1.0',
    title: 'HTTP/1.0',
    make: (random) => {
      const host = random.chance() ? 'localhost' : undefined;
      const { headers, wire, small } = random.chance()
        ? lengthBody(random, random.int(1, 500))
        : { headers: [], wire: [], small: true };
      const body = random.pick([whole(random.int(0, 500)), inPieces(random)]);
      const method = wire.length > 0 ? 'POST' : random.pick(['GET', 'HEAD']);
      return single(bare(random, { method, version: '1.0', host, headers, wire, small, plan: plan(random, { body }) }));
    },
  },
  {
    id: 'http-1.0-keep-alive',
    title: 'HTTP/1.0 with keep-alive',
    make: (random) => {
      const step = () =>
        bare(random, {
          version: '1.0',
          headers: ['Connection: keep-alive'],
          plan: plan(random, { body: random.pick([whole(20), inPieces(random)]) }),
        });
      return several([step(), step()]);
    },
  },
  {
    id: 'pipelined',
    title: 'pipelined requests',
    make: (random) => ({ steps: random.list(random.int(2, 3), () => any(random, [], 2000)), pipelined: true }),
  },
  {
    id: 'errors-before-head',
    title: 'errors thrown before the head',
    make: (random) => several([bare(random, { plan: plan(random, { failure: 'throw' }) }), bare(random)]),
  },
  {
    id: 'rejections-before-head',
    title: 'promises rejected before the head',
    make: (random) => several([bare(random, { plan: plan(random, { failure: 'reject' }) }), bare(random)]),
  },
  {
    id: 'errors-after-head',
    title: 'errors after the head',
    make: (random) => single(bare(random, { plan: plan(random, { failure: 'late', body: inPieces(random, false) }) })),
  },
  {
    id: 'aborted-requests',
    title: 'clients that leave in the body of their request',
    make: (random) => single(unfinished(random, false), { when: 'request', how: how(random) }),
  },
  {
    id: 'aborted-small-requests',
    title: 'clients that leave in a small body',
    make: (random) => single(unfinished(random, true), { when: 'request', how: how(random) }),
  },
  {
    id: 'aborted-waits',
    title: 'clients that leave before the answer',
    make: (random) => single({ ...any(random), plan: plan(random, { hold: 'before' }) }, { when: 'waiting', how: how(random) }),
  },
  {
    id: 'aborted-answers',
    title: 'clients that leave in the middle of the answer',
    make: (random) =>
      single(bare(random, { plan: plan(random, { hold: 'after', body: inPieces(random, false, 500) }) }), {
        when: 'answer',
        how: how(random),
      }),
  },
];
