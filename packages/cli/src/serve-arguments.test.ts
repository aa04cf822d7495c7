import { describe, expect, it } from 'vitest';
import { readDevArguments } from './dev-arguments.js';
import { looksLikeAddress, readServeArguments } from './serve-arguments.js';

function failure(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}

const coded = (code: string, message: string) => expect.objectContaining({ code, message: expect.stringContaining(message) });

describe('readServeArguments', () => {
  it('takes an app and a send_spec, and infers recv_spec', () => {
    const { app, servers } = readServeArguments(['./app.mjs', 'tcp://127.0.0.1:9999'], []);
    expect(app).toBe('./app.mjs');
    expect(servers.map(({ sendSpec, recvSpec, inferred }) => [`${sendSpec}`, `${recvSpec}`, inferred])).toEqual([
      ['tcp://127.0.0.1:9999', 'tcp://127.0.0.1:9998', true],
    ]);
  });

  it('takes several servers', () => {
    const { servers } = readServeArguments(['app.mjs', 'tcp://a:5', 'tcp://a:9'], ['tcp://b:5', 'ipc:///s,ipc:///r']);
    expect(servers.map(({ sendSpec, recvSpec, inferred }) => `${sendSpec} ${recvSpec} ${inferred}`)).toEqual([
      'tcp://a:5 tcp://a:9 false',
      'tcp://b:5 tcp://b:4 true',
      'ipc:///s ipc:///r false',
    ]);
    expect(readServeArguments(['app.mjs'], ['tcp://b:5']).servers).toHaveLength(1);
  });

  it.each([
    [[], 'M2_USAGE', 'The app and send_spec are missing'],
    [['./app.mjs'], 'M2_USAGE', 'send_spec is missing'],
    [['./app.mjs'], 'M2_USAGE', 'To try the app without Mongrel2: m2 dev ./app.mjs.'],
    [['tcp://h:9999'], 'M2_USAGE', 'The app is missing: tcp://h:9999 is an address. Write m2 serve ./app.mjs tcp://h:9999.'],
    [
      ['tcp://h:9999', './app.mjs'],
      'M2_USAGE',
      'The app comes first, then the addresses. Write m2 serve ./app.mjs tcp://h:9999.',
    ],
    [['tcp://h:9', 'tcp://h:8', 'app.mjs'], 'M2_USAGE', 'Write m2 serve app.mjs tcp://h:9 tcp://h:8.'],
    [['a.mjs', 'tcp://h:9', 'tcp://h:8', 'tcp://h:7'], 'M2_USAGE', 'one word too many: "tcp://h:7"'],
    [['a.mjs', './b.mjs'], 'M2_SPEC_INVALID', 'send_spec: "./b.mjs" is not a socket address: it looks like a file name'],
    [['a.mjs', 'tcp:/127.0.0.1:9999'], 'M2_SPEC_INVALID', 'Write it like tcp://127.0.0.1:9999.'],
    [['a.mjs', '127.0.0.1:9999'], 'M2_SPEC_INVALID', 'the protocol is missing. Write it like tcp://127.0.0.1:9999.'],
    [['a.mjs', 'tcp://127.0.0.1:99999'], 'M2_SPEC_INVALID', 'the port "99999" is not a number from 1 to 65535'],
    [['a.mjs', 'tcp://h:9', 'h:8'], 'M2_SPEC_INVALID', 'recv_spec: "h:8" is not a socket address'],
    [['a.mjs', 'tcp://h:9', 'tcp://h:9'], 'M2_SPEC_INVALID', 'send_spec and recv_spec are both tcp://h:9'],
    [['a.mjs', 'ipc:///s'], 'M2_SPEC_INVALID', 'Give recv_spec as well'],
    [['a.mjs', 'tcp://h:1'], 'M2_SPEC_INVALID', 'there is no port below 1'],
  ])('refuses %j with %s: %s', (words, code, message) => {
    expect(failure(() => readServeArguments(words, []))).toEqual(coded(code, message));
  });

  it('refuses a --server with three addresses', () => {
    expect(failure(() => readServeArguments(['a.mjs'], ['a,b,c']))).toEqual(coded('M2_USAGE', 'two addresses at most'));
  });
});

describe('readDevArguments', () => {
  it('takes one app', () => {
    expect(readDevArguments(['./app.mjs:api'])).toBe('./app.mjs:api');
  });

  it.each([
    [[], 'The app is missing: m2 dev <app>'],
    [['a.mjs', 'tcp://h:9'], 'For Mongrel2: m2 serve a.mjs tcp://h:9.'],
    [['tcp://h:9'], 'm2 dev takes no address'],
    [['a.mjs', 'b.mjs'], 'one word too many: "b.mjs"'],
  ])('refuses %j: %s', (words, message) => {
    expect(failure(() => readDevArguments(words))).toEqual(coded('M2_USAGE', message));
  });
});

describe('looksLikeAddress', () => {
  it('tells addresses, well written or not, from apps', () => {
    for (const text of ['tcp://h:1', 'tcp:/h:1', 'ipc:///x', 'localhost:9999', '127.0.0.1:9', '[::1]:9', '9999', 'http://h/']) {
      expect([text, looksLikeAddress(text)]).toEqual([text, true]);
    }
    for (const text of ['./app.mjs', 'app.mjs:api', 'app', '@me/app', 'C:\\app.mjs', '/srv/app.js']) {
      expect([text, looksLikeAddress(text)]).toEqual([text, false]);
    }
  });
});
