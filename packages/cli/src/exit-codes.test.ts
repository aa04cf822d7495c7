import { ERROR_CODES, M2Error } from '@m2/core';
import { describe, expect, it } from 'vitest';
import { exitCodeOf, exitCodeOfSignal } from './exit-codes.js';

describe('exit codes', () => {
  it('tell a supervisor whether starting again can help', () => {
    const of = (code: (typeof ERROR_CODES)[number]) => exitCodeOf(new M2Error(code, ''));
    expect(of('M2_USAGE')).toBe(2);
    expect(of('M2_SPEC_INVALID')).toBe(2);
    expect(of('M2_OPTION_INVALID')).toBe(2);
    expect(of('M2_MIDDLEWARE_UNSUPPORTED')).toBe(2);
    expect(of('M2_CONNECT_TIMEOUT')).toBe(5);
    expect(of('M2_SOCKET_FAILED')).toBe(5);
    expect(of('M2_ADDRESS_INVALID')).toBe(1);
    expect(exitCodeOf(new Error('anything'))).toBe(1);
    expect(exitCodeOf('thrown')).toBe(1);
  });

  it('are 4 for every way in which an app cannot be loaded', () => {
    const codes = ERROR_CODES.filter((code) => code.startsWith('M2_APP_'));
    expect(codes.length).toBeGreaterThan(3);
    for (const code of codes) expect([code, exitCodeOf(new M2Error(code, ''))]).toEqual([code, 4]);
  });

  it('are 128 and the number of a signal', () => {
    expect(['SIGHUP', 'SIGINT', 'SIGTERM'].map(exitCodeOfSignal)).toEqual([129, 130, 143]);
  });
});
