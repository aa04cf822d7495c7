import { M2Error, SocketSpec } from '@m2/core';
import { describe, expect, it } from 'vitest';
import { checkSpec, parseAddress } from './addresses.js';

const codeOf = (call: () => unknown): string => {
  try {
    call();
  } catch (error) {
    return M2Error.is(error) ? `${error.code}: ${error.message}` : String(error);
  }
  return 'nothing was thrown';
};

describe('parseAddress', () => {
  it.each([
    ['tcp://127.0.0.1:9999', { host: '127.0.0.1', port: 9999 }],
    ['tcp://localhost:1', { host: 'localhost', port: 1 }],
    ['tcp://m2.example-host.test:65535', { host: 'm2.example-host.test', port: 65535 }],
    ['tcp://[::1]:9999', { host: '::1', port: 9999 }],
    ['tcp://[fe80::1%eth0]:9999', { host: 'fe80::1%eth0', port: 9999 }],
    ['ipc:///run/m2/send', { path: '/run/m2/send' }],
    ['ipc://run/send', { path: 'run/send' }],
    ['ipc://@abstract', { path: '\0abstract' }],
  ])('takes %s for connecting and binding', (address, expected) => {
    expect(parseAddress(address, false)).toEqual(expected);
    expect(parseAddress(address, true)).toEqual(expected);
  });

  it.each([
    ['tcp://*:9999', { host: '0.0.0.0', port: 9999 }],
    ['tcp://127.0.0.1:*', { host: '127.0.0.1', port: 0 }],
    ['tcp://[::]:0', { host: '::', port: 0 }],
    ['ipc://*', { path: '*' }],
  ])('takes %s for binding only', (address, expected) => {
    expect(parseAddress(address, true)).toEqual(expected);
    expect(codeOf(() => parseAddress(address, false))).toContain(`M2_SPEC_INVALID: The address '${address}' cannot be used`);
  });

  it.each([
    ['', /neither/],
    ['nonsense', /neither/],
    ['tcp://127.0.0.1', /neither/],
    ['tcp://127.0.0.1:99999', /1 to 65535/],
    ['tcp://::1:9999', /neither/],
    ['tcp://host:80/path', /neither/],
    ['ws://127.0.0.1:9999', /neither/],
    ['ipc://', /path is missing/],
    ['ipc://@', /path is missing/],
    [`ipc:///${'x'.repeat(107)}`, /at most 107 bytes, this one 108/],
  ])('refuses %s', (address, why) => {
    expect(codeOf(() => parseAddress(address, true))).toMatch(/^M2_SPEC_INVALID/);
    expect(codeOf(() => parseAddress(address, true))).toMatch(why);
  });
});

describe('checkSpec', () => {
  it('takes what a link can connect to', () => {
    expect(checkSpec('send_spec', SocketSpec.parse('tcp://ident@127.0.0.1:9999'))).toEqual({ host: '127.0.0.1', port: 9999 });
  });

  it('names the spec that is wrong', () => {
    expect(codeOf(() => checkSpec('recv_spec', SocketSpec.parse('ws://127.0.0.1:9998')))).toContain('as recv_spec');
    expect(codeOf(() => checkSpec('send_spec', SocketSpec.parse('tcp://127.0.0.1:9998#bind')))).toContain(
      '#bind out of send_spec',
    );
  });
});
