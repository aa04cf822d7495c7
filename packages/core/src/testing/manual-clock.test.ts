import { describe, expect, it } from 'vitest';
import { ManualClock } from './manual-clock.js';

describe('ManualClock', () => {
  it('calls back in the order of time, each at its time, and timers set on the way', () => {
    const clock = new ManualClock(1000);
    const log: string[] = [];
    const note = (name: string) => () => void log.push(`${name} ${clock.now()}`);
    clock.after(30, note('c'));
    clock.after(10, () => {
      note('a')();
      clock.after(5, note('b'));
    });
    clock.after(31, note('never'));
    const cancel = clock.after(20, note('cancelled'));
    cancel();
    clock.advance(30);
    expect(log).toEqual(['a 10', 'b 15', 'c 30']);
    expect([clock.now(), clock.wall(), clock.pending]).toEqual([30, 1030, 1]);
  });

  it('lets promises and ticks happen between timers', async () => {
    const clock = new ManualClock();
    const log: number[] = [];
    const again = async () => {
      await new Promise((resolve) => setImmediate(resolve));
      log.push(clock.now());
      if (log.length < 3) clock.after(10, () => void again());
    };
    clock.after(10, () => void again());
    await clock.advanceInTicks(100);
    expect(log).toEqual([10, 20, 30]);
    expect(clock.now()).toBe(100);
  });
});
