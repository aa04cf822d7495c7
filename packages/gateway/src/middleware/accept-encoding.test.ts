import { describe, expect, it } from 'vitest';
import { negotiateCoding } from './accept-encoding.js';

const AVAILABLE = ['zstd', 'br', 'gzip'] as const;
const coding = (header: string | null, available: readonly string[] = AVAILABLE) => negotiateCoding(header, available)?.coding;

describe('negotiateCoding', () => {
  it('encodes nothing without the header, or with an empty one', () => {
    for (const header of [null, '', ' ', ',']) {
      expect(negotiateCoding(header, AVAILABLE)).toEqual({ coding: undefined, identity: true });
    }
  });

  it.each([
    ['gzip', 'gzip'],
    ['GZIP', 'gzip'],
    ['x-gzip', 'gzip'],
    ['gzip, deflate, br', 'br'],
    ['gzip, deflate, br, zstd', 'zstd'],
    ['gzip;q=1.0, br;q=0.9', 'gzip'],
    ['gzip ; q=0.5 , br ; q=0.5', 'br'],
    ['br;q=0, gzip', 'gzip'],
    ['*', 'zstd'],
    ['*;q=0.5, gzip', 'gzip'],
    ['zstd;q=0, *', 'br'],
    ['gzip;q=0.001', 'gzip'],
    ['gzip, identity', 'gzip'],
    ['gzip;q=0.5, identity;q=0.5', 'gzip'],
  ])('%s is %s', (header, expected) => {
    expect(coding(header)).toBe(expected);
  });

  it.each([
    'identity',
    'deflate',
    'gzip;q=0',
    'gzip;q=0.000',
    'br;q=0, gzip;q=0, zstd;q=0',
    'gzip;q=0.5, identity',
    'gzip;q=0.1, identity;q=0.2',
    // Nothing that can be read.
    'gzip;q=2',
    'gzip;q=-1',
    'gzip;q=',
    'gzip;q=0.1234',
    'gzip;level=9',
    'gzip;q=1;q=0',
  ])('%s is nothing, and the body as it is will do', (header) => {
    expect(negotiateCoding(header, AVAILABLE)).toEqual({ coding: undefined, identity: true });
  });

  it.each(['gzip, identity;q=0', 'gzip, *;q=0', 'identity;q=0, *'])('%s takes no body as it is', (header) => {
    expect(negotiateCoding(header, ['gzip'])).toEqual({ coding: 'gzip', identity: false });
  });

  it.each(['identity;q=0', '*;q=0', 'deflate, identity;q=0', 'gzip;q=0, identity;q=0'])('%s can be given nothing', (header) => {
    expect(negotiateCoding(header, AVAILABLE)).toBeUndefined();
  });

  it('takes the body as it is where that is named beside a star of 0', () => {
    expect(negotiateCoding('identity, *;q=0', AVAILABLE)).toEqual({ coding: undefined, identity: true });
    expect(negotiateCoding('identity;q=0.5, gzip, *;q=0', AVAILABLE)).toEqual({ coding: 'gzip', identity: true });
  });
});
