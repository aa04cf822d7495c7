import { describe, expect, it } from 'vitest';
import { agreeOnDeflate, parseExtensions } from './extension-offer.js';

const agree = (header: string, minWindowBits = 9): string | undefined =>
  agreeOnDeflate(parseExtensions(header) ?? [], minWindowBits)?.header;

const PLAIN = 'permessage-deflate; server_no_context_takeover; client_no_context_takeover';

describe('offers of permessage-deflate (RFC 7692 section 7.1)', () => {
  it.each([
    'permessage-deflate',
    'permessage-deflate; client_max_window_bits',
    'permessage-deflate; client_max_window_bits=8',
    'permessage-deflate; client_max_window_bits="10"',
    'permessage-deflate; server_no_context_takeover; client_no_context_takeover',
    'x-webkit-deflate-frame, permessage-deflate',
    'permessage-deflate; server_max_window_bits=8, permessage-deflate',
    'permessage-deflate; unknown, permessage-deflate',
  ])('%s is taken; client_max_window_bits needs no answer, and without an offer must have none', (header) => {
    expect(agree(header)).toBe(PLAIN);
  });

  it.each([9, 12, 15])('a window of %i for what the server sends is kept to', (bits) => {
    const offers = parseExtensions(`permessage-deflate; server_max_window_bits=${bits}`) ?? [];
    expect(agreeOnDeflate(offers, 9)).toEqual({ windowBits: bits, header: `${PLAIN}; server_max_window_bits=${bits}` });
  });

  it('a window that the implementation cannot keep to is declined', () => {
    expect(agree('permessage-deflate; server_max_window_bits=8')).toBeUndefined();
    expect(agree('permessage-deflate; server_max_window_bits=8', 8)).toBe(`${PLAIN}; server_max_window_bits=8`);
  });

  it.each([
    '',
    'other',
    'Permessage-Deflate',
    'permessage-deflate; unknown',
    'permessage-deflate; server_no_context_takeover=1',
    'permessage-deflate; client_no_context_takeover=true',
    'permessage-deflate; server_max_window_bits',
    ...['7', '16', '08', '+9', '9.0', '1e1', '0x9'].map((bits) => `permessage-deflate; server_max_window_bits=${bits}`),
    ...['7', '16', '010', '-8'].map((bits) => `permessage-deflate; client_max_window_bits=${bits}`),
  ])('%j is declined', (header) => {
    expect(agree(header)).toBeUndefined();
  });

  it.each([
    'a b',
    'a;',
    'a; =1',
    'a; b=',
    'a; b="',
    'a; b=""',
    'a; b="c d"',
    'a,',
    ',a',
    'permessage-deflate; server_max_window_bits=9; server_max_window_bits=10',
    Array(17).fill('a').join(','),
  ])('%j is malformed (RFC 6455 section 9.1)', (header) => {
    expect(parseExtensions(header)).toBeUndefined();
  });
});
