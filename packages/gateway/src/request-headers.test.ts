import type { Field } from '@m2/core';
import { describe, expect, it } from 'vitest';
import { serveApp } from '../test/harness.js';
import { headerPairs, toHeaders } from './request-headers.js';

const headers = (...fields: readonly Field[]) => toHeaders(new Map(fields));

describe('request headers', () => {
  it('48: joins several values by a comma, and cookies by a semicolon', () => {
    const found = headers(['x-multi', ['one', 'two', 'three']], ['cookie', ['a=1', 'b=2']], ['accept', '*/*']);
    expect([...found]).toEqual([
      ['accept', '*/*'],
      ['cookie', 'a=1; b=2'],
      ['x-multi', 'one, two, three'],
    ]);
  });

  it('48: keeps __proto__ and constructor as ordinary names', () => {
    const found = headers(['__proto__', 'a'], ['constructor', 'b']);
    expect([found.get('__proto__'), found.get('constructor'), found.get('toString')]).toEqual(['a', 'b', null]);
  });

  it('50: gives bytes above 7F as latin1', () => expect(headers(['x', 'caf\u00e9\u0080']).get('x')).toBe('caf\u00e9\u0080'));

  it('puts a blank for a bare CR, which Mongrel2 lets through, and leaves names out that are no tokens', () => {
    expect([...headers(['a', '1\r2'], ['b c', 'x'], ['d', '\u0001'])]).toEqual([
      ['a', '1 2'],
      ['d', '\u0001'],
    ]);
  });

  it('58: drops names with underscores only where they collide with the dashed ones', () => {
    const found = headers(['x_real_ip', 'forged'], ['x-real-ip', '10.0.0.1'], ['my_own', 'kept']);
    expect([...found]).toEqual([
      ['my_own', 'kept'],
      ['x-real-ip', '10.0.0.1'],
    ]);
  });

  it('gives every line as a pair', () => {
    const source = new Map<string, Field[1]>([
      ['a', ['1', '2']],
      ['cookie', 'c'],
      ['x-mongrel2-upload-start', '/etc/passwd'],
    ]);
    expect(headerPairs(source)).toEqual([
      ['a', '1'],
      ['a', '2'],
      ['cookie', 'c'],
    ]);
  });

  it("49: never mixes Mongrel2's own keys with the client's headers", async () => {
    const { askRaw } = await serveApp(
      (request, info) =>
        new Response(
          JSON.stringify([
            [...request.headers.keys()],
            request.headers.get('peer_cert_sha1'),
            info.peerCertSha1,
            info.rawHeaders.length,
          ]),
        ),
    );
    const answer = await askRaw({
      uri: '/',
      meta: [['PEER_CERT_SHA1', `${'AB'.repeat(20)}00`]],
      headers: [
        ['host', 'h'],
        ['method', 'DELETE'],
        ['peer_cert_sha1', 'forged'],
        ['remote_addr', '6.6.6.6'],
      ],
    });
    expect(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')))).toEqual([
      ['host', 'method', 'peer_cert_sha1', 'remote_addr'],
      'forged',
      'AB'.repeat(20),
      4,
    ]);
  });

  it('57: leaves X-Forwarded-For to the app, and gives the address of the socket apart', async () => {
    const { askRaw } = await serveApp(
      (request, { remoteAddress }) => new Response(`${remoteAddress} ${request.headers.get('x-forwarded-for')}`),
    );
    const headers: Field[] = [
      ['host', 'h'],
      ['x-forwarded-for', '6.6.6.6'],
    ];
    expect(await askRaw({ uri: '/', meta: [['REMOTE_ADDR', '10.1.2.3']], headers })).toContain('\r\n\r\n10.1.2.3 6.6.6.6');
  });
});
