import { describe, expect, it } from 'vitest';
import { BackOff, defaultReconnect } from './back-off.js';

const waits = (backOff: BackOff, count: number): number[] => Array.from({ length: count }, () => backOff.next());

describe('the waits between attempts', () => {
  it('grow to at most a second, and never fall below the first', () => {
    expect(waits(new BackOff(defaultReconnect, () => 1), 7)).toEqual([100, 200, 400, 800, 1000, 1000, 1000]);
    expect(waits(new BackOff(defaultReconnect, () => 0), 3)).toEqual([50, 50, 50]);
  });

  it('are spread, so that many do not knock together', () => {
    const values = [0.25, 0.75];
    const backOff = new BackOff(defaultReconnect, () => values.shift() ?? 0);
    expect(waits(backOff, 2)).toEqual([62.5, 162.5]);
  });

  it('start over after a connection that lasted, and only then', () => {
    let now = 0;
    const backOff = new BackOff(
      defaultReconnect,
      () => 1,
      () => now,
    );
    waits(backOff, 3);
    backOff.begun();
    now += defaultReconnect.stableMs - 1;
    backOff.ended();
    expect(backOff.next()).toBe(800);
    backOff.begun();
    now += defaultReconnect.stableMs;
    backOff.ended();
    expect(backOff.next()).toBe(100);
    backOff.ended();
    expect(backOff.next()).toBe(200);
  });

  it('take other bounds', () => {
    expect(waits(new BackOff({ firstMs: 1, longestMs: 3, stableMs: 0 }, () => 1), 3)).toEqual([2, 3, 3]);
    expect(waits(new BackOff({ firstMs: 5, longestMs: 1, stableMs: 0 }, () => 1), 2)).toEqual([5, 5]);
  });
});
