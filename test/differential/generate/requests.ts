import type { Random } from '../random.js';
import {
  type Behaviour,
  bare,
  chunkedBody,
  headerName,
  headerValue,
  inPieces,
  latin1Value,
  lengthBody,
  plan,
  SMALL_BODY,
  several,
  single,
  whole,
} from './make.js';

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND', 'REPORT', 'M-SEARCH', 'PURGE', 'LOCK'];
const BODY_METHODS = ['POST', 'PUT', 'PATCH', 'DELETE'];

/** Targets below the path of the plan: what routers and URL parsers trip over, and nothing that Mongrel2 refuses. */
function target(random: Random): string {
  const path = random.pick([
    '',
    '/',
    '/a/b',
    '//c',
    '/%20',
    '/%e2%82%ac',
    '/a;b=c',
    '/a:b@c',
    "/~x!$&'()*,",
    '/%2F%2e',
    '/A%2Bb',
  ]);
  const query = random.pick([
    '',
    '?',
    '?a=1&b=2',
    '?a=1&a=2',
    '?q=%E2%82%AC',
    '?x=y?z',
    '?a[b]=c'.replace(/[[\]]/g, '.'),
    `?long=${random.text(900)}`,
  ]);
  return path + query;
}

/** How the many values of one name come. */
function repeated(random: Random): string[] {
  const name = random.pick([
    'X-Many',
    'Cookie',
    'Accept',
    'User-Agent',
    'Via',
    'Authorization',
    'Cache-Control',
    'Referer',
    'If-None-Match',
  ]);
  // Mongrel2 keeps five values of a name.
  const lines = random.list(
    random.int(2, random.chance(0.2) ? 7 : 5),
    (index) => `${random.oddCase(name)}: a${index}=${random.text(5)}`,
  );
  const other = `${headerName(random)}: ${headerValue(random)}`;
  return random.chance() ? [...lines, other] : [lines[0] as string, other, ...lines.slice(1)];
}

const wantsBody = (random: Random) => ({ method: random.pick(BODY_METHODS), plan: plan(random, { body: { kind: 'echo' } }) });
const bodySize = (random: Random): number =>
  random.pick([0, 1, random.int(2, 2000), SMALL_BODY, SMALL_BODY + 1, random.int(30_000, 150_000)]);
const binary = 'Content-Type: application/octet-stream';

/** What clients send. */
export const REQUESTS: readonly Behaviour[] = [
  {
    id: 'methods',
    title: 'methods',
    make: (random) => several(random.list(2, () => bare(random, { method: random.pick(METHODS) }))),
  },
  {
    id: 'targets',
    title: 'paths and queries',
    make: (random) => several(random.list(2, () => bare(random, { target: target(random) }))),
  },
  {
    id: 'request-headers',
    title: 'header names and values of any case and length',
    make: (random) => {
      const long = random.chance(0.4) ? [`X-Long: ${headerValue(random, random.int(1000, 2000))}`] : [];
      const lines = random.list(
        random.int(1, 12),
        () => `${headerName(random)}:${random.pick([' ', '', '  '])}${headerValue(random)}`,
      );
      const usual = ['Accept: */*', 'accept-LANGUAGE: de, en;q=0.5', 'User-Agent: m2 tests', 'X-Empty:'];
      return single(bare(random, { headers: [...usual.filter(() => random.chance()), ...lines, ...long] }));
    },
  },
  {
    id: 'many-headers',
    title: 'many request headers',
    make: (random) =>
      single(bare(random, { headers: random.list(random.int(30, 90), (index) => `X-H${index}: ${random.text(8)}`) })),
  },
  {
    id: 'repeated-headers',
    title: 'repeated request headers',
    make: (random) => single(bare(random, { headers: repeated(random) })),
  },
  {
    id: 'latin1-headers',
    title: 'request headers with bytes above 0x7F',
    make: (random) => single(bare(random, { headers: random.list(2, () => `${headerName(random)}: ${latin1Value(random)}`) })),
  },
  {
    id: 'forwarded',
    title: 'what proxies add',
    make: (random) => {
      const lines = [
        'X-Forwarded-For: 203.0.113.7',
        'X-Forwarded-Proto: https',
        'X-Forwarded-Host: other.example',
        'Forwarded: for=1.2.3.4',
      ];
      return single(bare(random, { headers: lines.filter(() => random.chance(0.6)) }));
    },
  },
  {
    id: 'hosts',
    title: 'Host headers',
    make: (random) =>
      single(bare(random, { host: random.pick(['localhost:8080', 'EXAMPLE.com', '127.0.0.1', '[::1]:81', 'a.b-c.example:1']) })),
  },
  {
    id: 'length-bodies',
    title: 'bodies with Content-Length',
    make: (random) => {
      const { headers, wire, small } = lengthBody(random, bodySize(random));
      return single(bare(random, { ...wantsBody(random), headers: [binary, ...headers], wire, small }));
    },
  },
  {
    id: 'chunked-bodies',
    title: 'chunked bodies',
    make: (random) => {
      const sizes = random.list(random.int(0, 5), () => random.pick([1, random.int(2, 3000), random.int(4000, 40_000)]));
      const { headers, wire, small } = chunkedBody(random, sizes, [], random.chance(0.3));
      return single(bare(random, { ...wantsBody(random), headers: [binary, ...headers], wire, small }));
    },
  },
  {
    id: 'request-trailers',
    title: 'trailers of requests',
    make: (random) => {
      const { headers, wire, small } = chunkedBody(random, [random.int(1, 500)], [['X-Check', random.text(8)]]);
      return single(bare(random, { ...wantsBody(random), headers: [binary, 'Trailer: X-Check', ...headers], wire, small }));
    },
  },
  {
    id: 'get-bodies',
    title: 'bodies of GET',
    make: (random) => {
      const { headers, wire, small } = lengthBody(random, random.int(1, 2000));
      return single(bare(random, { headers: [binary, ...headers], wire, small, plan: plan(random, { body: { kind: 'echo' } }) }));
    },
  },
  {
    id: 'unread-bodies',
    title: 'bodies that the app leaves unread',
    make: (random) => {
      const size = random.pick([random.int(1, 2000), random.int(21_000, 60_000)]);
      const { headers, wire, small } = random.chance() ? lengthBody(random, size) : chunkedBody(random, random.parts(size, 3));
      const step = bare(random, {
        method: 'POST',
        headers: [binary, ...headers],
        wire,
        small,
        plan: plan(random, { read: 'none' }),
      });
      return several([step, bare(random)]);
    },
  },
  {
    id: 'json-bodies',
    title: "JSON through the framework's parser",
    make: (random) => {
      const good = JSON.stringify({
        name: random.text(5),
        list: random.list(3, () => random.int(0, 99)),
        text: 'h\u00e9 \u20ac',
      });
      const text = random.chance(0.75) ? good : good.slice(1);
      const bytes = Buffer.from(text, 'utf8');
      const { headers, wire, small } = random.chance()
        ? lengthBody(random, bytes.length, bytes)
        : { ...chunkedBody(random, []), wire: [`${bytes.length.toString(16)}\r\n`, bytes, '\r\n0\r\n\r\n'], small: false };
      const type = random.pick(['application/json', 'application/json; charset=utf-8']);
      const json = plan(random, { body: { kind: 'json' } });
      return single(bare(random, { method: 'POST', headers: [`Content-Type: ${type}`, ...headers], wire, small, plan: json }));
    },
  },
  {
    id: 'expect-continue',
    title: 'Expect: 100-continue',
    make: (random) => {
      const size = random.pick([5, random.int(21_000, 50_000)]);
      const { headers, wire, small } = lengthBody(random, size);
      return single(bare(random, { ...wantsBody(random), headers: [binary, 'Expect: 100-continue', ...headers], wire, small }));
    },
  },
  {
    id: 'upgrades',
    title: 'Upgrade that nobody listens for',
    make: (random) =>
      single(bare(random, { headers: [`Connection: ${random.pick(['Upgrade', 'keep-alive, Upgrade'])}`, 'Upgrade: h2c'] })),
  },
  {
    id: 'head-requests',
    title: 'HEAD',
    make: (random) => {
      const body = random.pick([
        whole(random.int(1, 5000)),
        inPieces(random),
        { kind: 'none' } as const,
        { kind: 'file' } as const,
      ]);
      return several([bare(random, { method: 'HEAD', plan: plan(random, { body }) }), bare(random)]);
    },
  },
];
