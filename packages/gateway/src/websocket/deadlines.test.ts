import { ManualClock } from '@m2/core/testing';
import { describe, expect, it } from 'vitest';
import { Deadlines } from './deadlines.js';

describe('Deadlines', () => {
  it('expires each once, at its own time, with one timer', () => {
    const clock = new ManualClock();
    const expired: string[] = [];
    const deadlines = new Deadlines<string>(clock, 100, (item) => void expired.push(`${item} at ${clock.now()}`));
    deadlines.add('a');
    clock.advance(30);
    deadlines.add('b');
    deadlines.add('c');
    clock.advance(30);
    // Its time has begun.
    deadlines.add('a');
    expect(clock.pending).toBe(1);
    deadlines.delete('c');
    clock.advance(1000);
    expect(expired).toEqual(['a at 100', 'b at 130']);
    expect(clock.pending).toBe(0);
  });

  it('needs no timer when all was in time, and begins anew', () => {
    const clock = new ManualClock();
    const expired: string[] = [];
    const deadlines = new Deadlines<string>(clock, 100, (item) => void expired.push(item));
    deadlines.add('a');
    deadlines.delete('a');
    deadlines.delete('never');
    expect(clock.pending).toBe(0);
    deadlines.add('b');
    clock.advance(99);
    expect(expired).toEqual([]);
    clock.advance(1);
    expect(expired).toEqual(['b']);
  });
});
