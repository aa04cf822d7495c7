import type { BodyPlan, Lines } from '../plan.js';
import type { Random } from '../random.js';
import { type Behaviour, bare, headerName, headerValue, inPieces, latin1Value, plan, several, single, whole } from './make.js';

const NO_BODY = [204, 205, 304] as const;
const COOKIES = [
  'a=1; Path=/',
  'b="x,y"; HttpOnly',
  'c=3; Expires=Wed, 21 Oct 2026 07:28:00 GMT',
  'd=; Max-Age=0',
  'a=2; Secure',
];
const RANGES = [
  'bytes=0-99',
  'bytes=100-',
  'bytes=-50',
  'bytes=2990-9999',
  'bytes=9000-9001',
  'bytes=0-0',
  'bytes=x',
  'lines=1-2',
  'bytes=5-1',
];
const CONDITIONS = [
  'If-None-Match: "m2-file"',
  'If-None-Match: *',
  'If-None-Match: "other", W/"m2-file"',
  'If-Modified-Since: Sat, 03 Feb 2024 04:05:06 GMT',
  'If-Modified-Since: Sat, 03 Feb 2001 04:05:06 GMT',
  'If-Modified-Since: never',
  'If-Match: "nothing"',
  'If-Match: "m2-file"',
  'If-Unmodified-Since: Sat, 03 Feb 2001 04:05:06 GMT',
];

const anyStatus = (random: Random): number => {
  const status = random.pick([
    200,
    201,
    202,
    203,
    206,
    207,
    226,
    300,
    301,
    302,
    307,
    308,
    random.int(400, 431),
    413,
    422,
    451,
    random.int(500, 511),
    random.int(200, 599),
  ]);
  return NO_BODY.some((one) => one === status) ? 200 : status;
};

const smallBody = (random: Random): BodyPlan => random.pick([whole(random.int(1, 300)), inPieces(random, false, 300)]);

/** What apps answer. */
export const RESPONSES: readonly Behaviour[] = [
  {
    id: 'status-codes',
    title: 'status codes',
    make: (random) =>
      several(random.list(3, () => bare(random, { plan: plan(random, { status: anyStatus(random), body: smallBody(random) }) }))),
  },
  {
    id: 'no-body-statuses',
    title: '204, 205 and 304',
    make: (random) => {
      const body = random.pick([{ kind: 'none' } as const, whole(random.int(1, 100)), inPieces(random, false, 100)]);
      const step = bare(random, { plan: plan(random, { status: random.pick(NO_BODY), body }) });
      // Of the connection after a 205, servers are of several minds.
      return step.plan.status === 205 ? single(step) : several([step, bare(random)]);
    },
  },
  {
    id: 'reason-phrases',
    title: 'reason phrases',
    make: (random) =>
      single(
        bare(random, { plan: plan(random, { reason: random.pick(['Fine', 'I am a teapot, really', "Gr\u00fc\u00df' Gott"]) }) }),
      ),
  },
  {
    id: 'whole-answers',
    title: 'answers sent at once',
    make: (random) => {
      const body = whole(random.pick([0, 1, random.int(2, 5000), 65_536, random.int(100_000, 300_000)]));
      return single(bare(random, { plan: plan(random, { body }) }));
    },
  },
  {
    id: 'empty-answers',
    title: 'answers without a body',
    make: (random) => single(bare(random, { plan: plan(random, { body: { kind: 'none' } }) })),
  },
  {
    id: 'streamed-answers',
    title: 'answers in pieces',
    make: (random) =>
      single(bare(random, { plan: plan(random, { body: inPieces(random, false, random.pick([10, 5000, 60_000])) }) })),
  },
  {
    id: 'declared-answers',
    title: 'answers in pieces with Content-Length',
    make: (random) =>
      single(bare(random, { plan: plan(random, { body: inPieces(random, true, random.pick([10, 5000, 60_000])) }) })),
  },
  {
    id: 'response-headers',
    title: 'response headers: any case, repeated, long, above 0x7F',
    make: (random) => {
      const lines: Lines = random.list(random.int(1, 10), () => [
        headerName(random),
        random.chance(0.3) ? latin1Value(random) : headerValue(random),
      ]);
      const many: Lines = random.list(random.int(0, 3), (index) => ['Via', `1.1 hop-${index}`]);
      const long: Lines = random.chance(0.3) ? [['X-Long', headerValue(random, 6000)]] : [];
      return single(bare(random, { plan: plan(random, { headers: [...lines, ...many, ...long], body: smallBody(random) }) }));
    },
  },
  {
    id: 'connection-headers',
    title: 'Connection and other headers of the hop, set by the app',
    make: (random) => {
      const line = random.pick([
        ['Connection', 'close'],
        ['Connection', 'keep-alive'],
        ['Date', 'Sat, 03 Feb 2024 04:05:06 GMT'],
        ['Server', 'app'],
      ] as const);
      return single(bare(random, { plan: plan(random, { headers: [line], body: smallBody(random) }) }));
    },
  },
  {
    id: 'set-cookie',
    title: 'several Set-Cookie',
    make: (random) => {
      const cookies: Lines = random.list(random.int(1, 5), () => ['Set-Cookie', random.pick(COOKIES)]);
      return single(bare(random, { plan: plan(random, { headers: cookies, body: smallBody(random) }) }));
    },
  },
  {
    id: 'ranges',
    title: 'ranges',
    make: (random) => {
      const headers = [`Range: ${random.pick(RANGES)}`, ...(random.chance(0.2) ? ['If-Range: "m2-file"'] : [])];
      return single(bare(random, { headers, plan: plan(random, { headers: [], body: { kind: 'file' } }) }));
    },
  },
  {
    id: 'conditions',
    title: 'conditional requests',
    make: (random) => {
      const file = plan(random, { headers: [], body: { kind: 'file' } });
      return several([bare(random, { headers: [random.pick(CONDITIONS)], plan: file }), bare(random)]);
    },
  },
  {
    id: 'early-hints',
    title: '103 Early Hints',
    make: (random) => {
      const hints = random.list(random.int(1, 3), (index) => `</${index}.css>; rel=preload; as=style`);
      return single(bare(random, { plan: plan(random, { hints, body: smallBody(random) }) }));
    },
  },
  {
    id: 'response-trailers',
    title: 'trailers of answers',
    make: (random) => {
      const trailers: Lines = [['X-Check', random.text(8)], ...(random.chance() ? [['X-More', 'yes'] as const] : [])];
      return several([bare(random, { plan: plan(random, { trailers, body: inPieces(random, false) }) }), bare(random)]);
    },
  },
];
