import { describe, expect, it } from 'vitest';
import { checkHeader, hasToken, isHopByHop, parseLength } from './header-rules.js';

describe('header rules', () => {
  it('takes what RFC 9110 takes', () => {
    for (const [name, value] of [
      ['X-a', ''],
      ["!#$%&'*+-.^_`|~09", 'tab\there, obs-text \xff'],
    ] as const) {
      expect(() => checkHeader(name, value)).not.toThrow();
    }
  });

  it('names the header it refuses, and never its value', () => {
    for (let code = 0; code < 32; code++) {
      const value = `secret${String.fromCharCode(code)}`;
      if (code === 9) continue;
      expect(() => checkHeader('X-A', value)).toThrow(expect.objectContaining({ code: 'M2_BAD_HEADER' }));
      expect(() => checkHeader('X-A', value)).not.toThrow('secret');
    }
    expect(() => checkHeader('X-A', '\x7f')).toThrow("'X-A'");
  });

  it('finds tokens in lists, in any case, and not within others', () => {
    expect(['close', 'Close', 'a, CLOSE', 'close,x'].every((value) => hasToken(value, 'close'))).toBe(true);
    expect(['closed', 'x-close', '', 'clos e'].some((value) => hasToken(value, 'close'))).toBe(false);
  });

  it('reads lengths in plain digits only', () => {
    expect(['0', '42', '000', '999999999999999'].map(parseLength)).toEqual([0, 42, 0, 999_999_999_999_999]);
    expect(['', '-1', '+1', '1e3', '0x1', ' 1', '1.0', '1,1', '9999999999999999'].map(parseLength)).toEqual(
      Array(9).fill(undefined),
    );
  });

  it('knows what belongs to the connection', () => {
    expect(['connection', 'transfer-encoding', 'upgrade'].every(isHopByHop)).toBe(true);
    expect(['content-length', 'set-cookie', 'date'].some(isHopByHop)).toBe(false);
  });
});
