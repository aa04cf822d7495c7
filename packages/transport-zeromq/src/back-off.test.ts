import { describe, expect, it } from 'vitest';
import { BackOff } from './back-off.js';

const waits = (backOff: BackOff, count: number): number[] => Array.from({ length: count }, () => backOff.next());

describe('BackOff', () => {
  it('doubles from 50 milliseconds to a second', () => {
    expect(waits(new BackOff(() => 1), 8)).toEqual([50, 100, 200, 400, 800, 1000, 1000, 1000]);
  });

  it('spreads each wait between the shortest and its own', () => {
    expect(waits(new BackOff(() => 0), 5)).toEqual([50, 50, 50, 50, 50]);
    expect(waits(new BackOff(() => 0.5), 3)).toEqual([50, 75, 125]);
  });

  it('starts over', () => {
    const backOff = new BackOff(() => 1);
    waits(backOff, 5);
    backOff.reset();
    expect(backOff.next()).toBe(50);
  });
});
