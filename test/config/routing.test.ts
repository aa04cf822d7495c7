import { type ConfigDefinition, type RouteTarget, readConfig, ServerRouting } from '@m2/config';
import type { Server } from '@m2/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasMongrel2 } from '../harness/mongrel2.js';
import { ask, askAll, type Choice, serveAll } from './support/asked-mongrel2.js';
import { type ConfiguredMongrel2, type Surroundings, startConfigured } from './support/configured.js';

/** In an order that matters: roots of Mongrel2's search tree are what came first. */
const ROUTES = [
  '/users/([0-9]+)$',
  '/users/([a-z]+/\\d+)',
  '/',
  '/json/',
  '/js',
  '/jx/deep/er',
  '/a/b/c/d',
  '/a/x',
  '/files/(.*\\.html)$',
  '/files/(.*\\.txt)',
  '/opt/(x?y*z+w-)$',
  '/set/([^/]+/[%w\\-])$',
  '/bal/(\\b())$',
  '/word/(\\f[a-z]abc)',
  '/same/(one)',
  '/same/(two)',
  '/same/(three)',
  '/plain/',
  '/plain/(never)',
  '/dollar/(a$b)',
  '/hex/(\\x\\X\\u\\L\\p\\s?)',
  '@chat',
  '<chat',
];

const handlerOf = (name: string): RouteTarget => ({
  handler: { sendSpec: `ipc://run/${name}-send`, recvSpec: `ipc://run/${name}-recv`, sendIdent: name },
});

const HOSTS: readonly (readonly [string, string | undefined])[] = [
  ['fallback', undefined],
  ['example.com', undefined],
  ['api.example.com', undefined],
  ['com', undefined],
  ['star.org', '(\\w+)\\.star.org'],
  ['wild', '([a-z]+).wild.net'],
  ['opt', '(www)?.opt.io'],
  ['long.suffix.of.a.name', undefined],
];

function define({ port }: Surroundings): ConfigDefinition {
  const all = handlerOf('all');
  const routes = ROUTES.map((path) => [path, all] as const);
  const hosts = HOSTS.map(([name, matching], index) => ({
    name,
    ...(matching === undefined ? {} : { matching }),
    routes: { '/': handlerOf(`host-${index}`) },
  }));
  return {
    servers: [
      { uuid: 'main', port, bindAddr: '127.0.0.1', defaultHost: 'fallback', hosts: [...hosts, { name: 'routes.test', routes }] },
    ],
    settings: { 'server.daemonize': false, 'superpoll.max_fd': 1024, 'request.relaxed': true },
  };
}

/** Whole paths, each of their beginnings, and both with things added: more than a thousand. */
function paths(): string[] {
  const seeds = [
    '/users/42',
    '/users/abc/7',
    '/users/abc',
    '/users/42x',
    '/json/a/b',
    '/js',
    '/jsx',
    '/jx/deep/er/x',
    '/a/b/c/d/e',
    '/a/x/y',
    '/b',
    '/files/a/b.html',
    '/files/a.txt',
    '/files/b.md',
    '/files/c.pdf',
    '/opt/xyyzz',
    '/opt/z',
    '/opt/yzww',
    '/opt/x',
    '/set/ab/-',
    '/set/ab/c',
    '/set//c',
    '/bal/((x))',
    '/bal/(x',
    '/bal/()y',
    '/word/abc',
    '/word/xabc',
    '/word/',
    '/same/one',
    '/same/twofold',
    '/same/three/x',
    '/same/four',
    '/plain/never',
    '/plain/x',
    '/dollar/a$b',
    '/dollar/a',
    '/hex/agZz!',
    '/hex/0-QQ-',
    '//evil/x',
    '/%41',
    '/a/b/x',
  ];
  const found = new Set<string>();
  for (const seed of seeds) {
    for (let end = 1; end <= seed.length; end++) {
      const part = seed.slice(0, end);
      for (const tail of ['', 'x', '/', '7', '/z', '.html']) found.add(part + tail);
    }
  }
  // What is no percent-encoding gets 400 before any route is looked for.
  return [...found].filter((path) => !/%(?![0-9A-Fa-f]{2})/.test(path));
}

describe.skipIf(!hasMongrel2)('the routes and hosts that Mongrel2 takes', () => {
  let mongrel2: ConfiguredMongrel2;
  let server: Server | undefined;
  let routing: ServerRouting;

  beforeAll(async () => {
    mongrel2 = await startConfigured(define);
    ({ server } = await serveAll(mongrel2.database));
    const model = await readConfig(mongrel2.database);
    const [main] = model.servers;
    if (main === undefined) throw new Error('The database has no server.');
    routing = new ServerRouting(model, main);
  });
  afterAll(async () => {
    await server?.stop();
    await mongrel2?.stop();
  });

  const ours = (header: string | undefined, path: string): string => {
    const host = routing.host(header);
    return (host === undefined ? undefined : routing.route(host, path)?.path) ?? '404';
  };
  const theirs = (choice: Choice): string => ('status' in choice ? String(choice.status) : choice.pattern);

  it('are the ones that we find, for a thousand paths', async () => {
    const asked = paths();
    expect(asked.length).toBeGreaterThan(1000);
    const choices = await askAll(asked, (path) => ask(mongrel2.port, path, 'routes.test'));
    const wrong = asked.flatMap((path, index) => {
      const [a, b] = [ours('routes.test', path), theirs(choices[index] as Choice)];
      return a === b ? [] : [`${path}: we say ${a}, Mongrel2 ${b}`];
    });
    expect(wrong).toEqual([]);
    // Each route was chosen by some path, but for those of sockets and those that others hide.
    const chosen = new Set(choices.map(theirs));
    const never = ROUTES.filter((path) => !chosen.has(path));
    expect(never.sort()).toEqual(['/plain/(never)', '<chat', '@chat']);
  });

  it('are the ones that we find, for hosts with and without patterns', async () => {
    const names = [
      'fallback',
      'example.com',
      'www.example.com',
      'api.example.com',
      'x.api.example.com',
      'badapi.example.com',
      'com',
      'a.com',
      'm',
      'om',
      'org',
      'star.org',
      'a.star.org',
      'a_b.star.org',
      'a.b.star.org',
      '.star.org',
      'x.wild.net',
      'X.wild.net',
      '9.wild.net',
      '.wild.net',
      'wild.net',
      'a.b.wild.net',
      'opt.io',
      'www.opt.io',
      '.opt.io',
      'ww.opt.io',
      'xwww.opt.io',
      'io',
      'name',
      'a.name',
      'of.a.name',
      'long.suffix.of.a.name',
      'nobody.test',
      'EXAMPLE.COM',
      'example.com.',
      'example.com:80',
      'a:b:c',
      '127.0.0.1',
      '127.0.0.1:8080',
      '[::1]:80',
      'test',
      't',
    ];
    const choices = await askAll(names, (name) => ask(mongrel2.port, '/', name));
    const wrong = names.flatMap((name, index) => {
      const choice = choices[index] as Choice;
      const theirs = 'status' in choice ? String(choice.status) : choice.handler;
      const host = routing.host(name);
      const found = HOSTS.findIndex(([known]) => known === host?.name);
      const we = host === undefined ? '404' : host.name === 'routes.test' ? 'all' : `host-${found}`;
      return we === theirs ? [] : [`${name}: we say ${we}, Mongrel2 ${theirs}`];
    });
    expect(wrong).toEqual([]);
  });

  it('are those of the default host for a request without Host', async () => {
    expect(await ask(mongrel2.port, '/')).toEqual({ handler: 'host-0', pattern: '/' });
    expect(routing.host(undefined)?.name).toBe('fallback');
  });
});
