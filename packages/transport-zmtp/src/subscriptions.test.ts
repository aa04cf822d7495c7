import { describe, expect, it } from 'vitest';
import { Subscriptions } from './subscriptions.js';

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');

describe('subscriptions', () => {
  it('match by their prefix, byte for byte', () => {
    const subscriptions = new Subscriptions();
    expect(subscriptions.match(bytes(''))).toBe(false);
    subscriptions.add('a\xff');
    expect(['', 'a', 'a\xff', 'a\xffb', 'b'].map((text) => subscriptions.match(bytes(text)))).toEqual([
      false,
      false,
      true,
      true,
      false,
    ]);
    subscriptions.add('');
    expect(subscriptions.match(bytes(''))).toBe(true);
  });

  it('are counted: each is taken back as often as it was made', () => {
    const subscriptions = new Subscriptions();
    subscriptions.add('a');
    subscriptions.add('a');
    expect([subscriptions.remove('a'), subscriptions.has('a')]).toEqual([true, true]);
    expect([subscriptions.remove('a'), subscriptions.has('a')]).toEqual([true, false]);
    expect(subscriptions.remove('a')).toBe(false);
    expect([...subscriptions.prefixes]).toEqual([]);
  });

  it('are bounded in number', () => {
    const subscriptions = new Subscriptions(2);
    for (const prefix of ['a', 'b', 'a']) subscriptions.add(prefix);
    expect(() => subscriptions.add('c')).toThrow(expect.objectContaining({ code: 'M2_LIMIT_EXCEEDED' }));
    subscriptions.remove('b');
    subscriptions.add('c');
    expect([...subscriptions.prefixes]).toEqual(['a', 'c']);
  });
});
