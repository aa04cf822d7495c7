import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { M2Error } from './errors.js';
import { inferRecvSpec, SocketSpec } from './socket-spec.js';

function invalid(text: string): M2Error {
  try {
    SocketSpec.parse(text);
  } catch (error) {
    expect(M2Error.is(error) && error.code).toBe('M2_SPEC_INVALID');
    expect((error as M2Error).details.text).toBe(text);
    expect((error as M2Error).message).toContain(JSON.stringify(text));
    return error as M2Error;
  }
  throw new Error(`${text} was parsed`);
}

describe('SocketSpec.parse', () => {
  test.each<[string, object]>([
    [
      'tcp://127.0.0.1:9999',
      { protocol: 'tcp', address: 'tcp://127.0.0.1:9999', host: '127.0.0.1', port: 9999, mode: 'connect' },
    ],
    ['TCP://localhost:1', { protocol: 'tcp', address: 'tcp://localhost:1', host: 'localhost', port: 1, mode: 'connect' }],
    ['tcp://my_host-1.example.org:65535', { host: 'my_host-1.example.org', port: 65535 }],
    ['tcp://[::1]:9999', { address: 'tcp://[::1]:9999', host: '::1', port: 9999 }],
    ['tcp://[fe80::1%eth0]:9999', { host: 'fe80::1%eth0' }],
    ['tcp://[::ffff:127.0.0.1]:9999', { host: '::ffff:127.0.0.1' }],
    ['tcp://*:9999#bind', { address: 'tcp://*:9999', host: '*', port: 9999, mode: 'bind' }],
    ['tcp://127.0.0.1:0#bind', { port: 0, mode: 'bind' }],
    ['tcp://127.0.0.1:*#bind', { address: 'tcp://127.0.0.1:*', port: 0, mode: 'bind' }],
    ['tcp://me@127.0.0.1:9999#connect', { address: 'tcp://127.0.0.1:9999', ident: 'me', mode: 'connect' }],
    ['tcp://34f9ceee-cd52@[::1]:9999', { ident: '34f9ceee-cd52', host: '::1' }],
    ['ipc:///run/m2/send', { protocol: 'ipc', address: 'ipc:///run/m2/send', mode: 'connect' }],
    ['ipc://run/send', { address: 'ipc://run/send' }],
    ['ipc://@abstract', { address: 'ipc://@abstract' }],
    ['ipc://me@/tmp/a@b', { address: 'ipc:///tmp/a@b', ident: 'me' }],
    ['ipc:///tmp/a@b', { address: 'ipc:///tmp/a@b' }],
    ['ipc://*#bind', { address: 'ipc://*', mode: 'bind' }],
    ['inproc://m2', { protocol: 'inproc', address: 'inproc://m2' }],
    ['memory://front', { protocol: 'memory', address: 'memory://front' }],
    ['ws://example.org/m2/send', { protocol: 'ws', address: 'ws://example.org/m2/send', host: 'example.org' }],
    ['wss://[::1]:8443/x?y=1', { protocol: 'wss', host: '::1', port: 8443 }],
    ['ws://*:8080#bind', { host: '*', port: 8080, mode: 'bind' }],
  ])('%s', (text, expected) => {
    const spec = SocketSpec.parse(text);
    expect(spec).toMatchObject(expected);
    expect(spec.ident).toBe((expected as { ident?: string }).ident);
  });

  test('what is absent is undefined, and nothing can be changed', () => {
    const spec = SocketSpec.parse('ipc:///x');
    expect([spec.host, spec.port, spec.ident]).toEqual([undefined, undefined, undefined]);
    expect(Object.isFrozen(spec)).toBe(true);
  });

  test.each([
    ['localhost:9999', 'the protocol is missing', 'tcp://localhost:9999'],
    ['[::1]:9999', 'the protocol is missing', 'tcp://[::1]:9999'],
    ['9999', 'only a port', 'tcp://127.0.0.1:9999'],
    ['tcp:/127.0.0.1:9999', '"://"', 'tcp://127.0.0.1:9999'],
    ['tcp:127.0.0.1:9999', '"://"', 'tcp://127.0.0.1:9999'],
    ['localhost', 'the protocol is missing', 'tcp://'],
    ['app.js', 'a file name', 'tcp://127.0.0.1:9999'],
    ['./src/app.ts', 'a file name', 'tcp://127.0.0.1:9999'],
    ['/run/m2.sock', 'a file name', 'ipc://'],
    ['config.sqlite', 'a file name', 'tcp://127.0.0.1:9999'],
    ['http://localhost:9999', 'no protocol "http"', 'tcp://127.0.0.1:9999'],
    ['udp://localhost:9999', 'no protocol "udp"', 'tcp, ipc, inproc, ws, wss, memory'],
    ['tcp://localhost', 'the port is missing', 'tcp://localhost:9999'],
    ['tcp://[::1]', 'the port is missing', 'tcp://[::1]:9999'],
    ['tcp://', 'the port is missing', 'tcp://127.0.0.1:9999'],
    ['tcp://:9999', 'the host is missing', 'tcp://127.0.0.1:9999'],
    ['tcp://localhost:', 'not a number from 1 to 65535', 'tcp://localhost:9999'],
    ['tcp://localhost:65536', 'not a number from 1 to 65535', 'tcp://localhost:9999'],
    ['tcp://localhost:099', 'not a number from 1 to 65535', 'tcp://localhost:9999'],
    ['tcp://localhost:http', 'not a number from 1 to 65535', 'tcp://localhost:9999'],
    ['tcp://localhost:-1', 'not a number from 1 to 65535', 'tcp://localhost:9999'],
    ['tcp://localhost:0', 'only #bind can take a free port', 'tcp://localhost:9999'],
    ['tcp://localhost:9999/', 'ends with its port', 'tcp://localhost:9999.'],
    ['tcp://*:9999', 'which only #bind can take', 'tcp://127.0.0.1:9999'],
    ['tcp://::1:9999', 'in brackets', 'tcp://[::1]:9999'],
    ['tcp://[::1:9999', 'in brackets', '['],
    ['tcp://exa mple:9999', 'blanks', 'tcp://example:9999'],
    [' tcp://localhost:9999', 'blanks', 'tcp://localhost:9999'],
    ['tcp://localhost:9999\n', 'blanks', 'tcp://localhost:9999'],
    ['tcp://a/b:9999', 'ends with its port', 'tcp://a'],
    ['tcp://-a:9999', 'no host name has', 'tcp://127.0.0.1:9999'],
    ['tcp://localhost:9999#serve', 'bind or connect', 'tcp://localhost:9999#bind'],
    ['tcp://localhost:9999#', 'bind or connect', 'tcp://localhost:9999#bind'],
    ['ipc://', 'the path is missing', 'ipc:///run/m2/send'],
    ['ipc://*', 'only #bind', 'ipc:///run/m2/send'],
    [`ipc:///${'x'.repeat(107)}`, 'at most 107 bytes, this one 108', 'ipc:///run/m2/send'],
    ['inproc://', 'the name is missing', 'inproc://m2'],
    ['memory://', 'the name is missing', 'memory://m2'],
    ['', 'empty', 'tcp://127.0.0.1:9999'],
  ])('%j: %s', (text, problem, example) => {
    const { message } = invalid(text);
    expect(message).toContain(problem);
    expect(message).toContain(example);
  });

  test('what is no string is refused with the same code', () => {
    for (const value of [undefined, null, 9999, {}]) {
      expect(() => SocketSpec.parse(value as unknown as string)).toThrow(expect.objectContaining({ code: 'M2_SPEC_INVALID' }));
    }
  });
});

describe('toString', () => {
  test('gives the spec back, without what is the default', () => {
    expect(String(SocketSpec.parse('tcp://me@localhost:9999#connect'))).toBe('tcp://me@localhost:9999');
    expect(JSON.stringify([SocketSpec.parse('tcp://*:9999#bind')])).toBe('["tcp://*:9999#bind"]');
  });

  test('every spec is parsed again as the same', () => {
    const anyHost = fc.oneof(
      fc.ipV4(),
      fc.ipV6().map((address) => `[${address}]`),
      fc.domain(),
    );
    const anyNetwork = fc
      .tuple(fc.constantFrom('tcp', 'ws', 'wss'), anyHost, fc.integer({ min: 1, max: 65535 }))
      .map(([protocol, host, port]) => [protocol, `${host}:${port}`]);
    const anyLocal = fc.tuple(fc.constantFrom('ipc', 'inproc', 'memory'), fc.stringMatching(/^\/?[a-z0-9./_-]{1,60}$/));
    const anyIdent = fc.option(fc.stringMatching(/^[A-Za-z0-9._-]{1,40}$/), { nil: undefined });
    fc.assert(
      fc.property(
        fc.oneof(anyNetwork, anyLocal),
        anyIdent,
        fc.constantFrom('', '#bind', '#connect'),
        ([protocol, endpoint], ident, fragment) => {
          const spec = SocketSpec.parse(`${protocol}://${ident === undefined ? '' : `${ident}@`}${endpoint}${fragment}`);
          expect(spec.ident).toBe(ident);
          expect(spec.address).toBe(`${protocol}://${endpoint}`);
          expect(spec.mode).toBe(fragment === '#bind' ? 'bind' : 'connect');
          expect({ ...SocketSpec.parse(spec.toString()) }).toEqual({ ...spec });
          expect(SocketSpec.is(spec)).toBe(true);
        },
      ),
      { numRuns: 500 },
    );
  });

  test('any text is parsed or refused with the code', () => {
    const pieces = fc.constantFrom(
      'tcp',
      'ipc',
      'ws',
      '://',
      ':',
      '/',
      '@',
      '#',
      'bind',
      '[',
      ']',
      '::1',
      '*',
      '9999',
      'a',
      ' ',
      '-',
      '\0',
      '%',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(pieces, { maxLength: 10 }).map((parts) => parts.join('')),
          fc.string(),
        ),
        (text) => {
          try {
            expect(SocketSpec.parse(SocketSpec.parse(text).toString())).toMatchObject({ mode: expect.any(String) });
          } catch (error) {
            expect(error).toMatchObject({ code: 'M2_SPEC_INVALID' });
          }
        },
      ),
      { numRuns: 5000 },
    );
  });
});

describe('inferRecvSpec', () => {
  test.each([
    ['tcp://127.0.0.1:9999', 'tcp://127.0.0.1:9998'],
    ['tcp://[::1]:2', 'tcp://[::1]:1'],
    ['tcp://me@localhost:10000', 'tcp://me@localhost:9999'],
    ['tcp://*:9999#bind', 'tcp://*:9998#bind'],
  ])('%s gives %s', (send, recv) => {
    expect(inferRecvSpec(SocketSpec.parse(send)).toString()).toBe(recv);
  });

  test.each([
    'tcp://localhost:1',
    'tcp://127.0.0.1:0#bind',
    'tcp://127.0.0.1:*#bind',
    'ipc:///run/m2/send',
    'inproc://x',
    'memory://x',
    'ws://localhost:9999',
  ])('%s gives none: recv_spec must be given', (send) => {
    expect(() => inferRecvSpec(SocketSpec.parse(send))).toThrow(
      expect.objectContaining({ code: 'M2_SPEC_INVALID', message: expect.stringContaining('Give recv_spec') }),
    );
  });
});
