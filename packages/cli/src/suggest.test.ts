import { describe, expect, it } from 'vitest';
import { didYouMean, editDistance, suggest } from './suggest.js';

describe('suggest', () => {
  it('counts inserts, deletes, replacements and swapped neighbours', () => {
    expect(editDistance('', 'abc')).toBe(3);
    expect(editDistance('serve', 'serve')).toBe(0);
    expect(editDistance('sevre', 'serve')).toBe(1);
    expect(editDistance('kitten', 'sitting')).toBe(3);
  });

  it('finds what is near or begun, and nothing for what is far', () => {
    const known = ['serve', 'dev', 'help'];
    expect(suggest('srve', known)).toBe('serve');
    expect(suggest('SERVE', known)).toBe('serve');
    expect(suggest('ser', known)).toBe('serve');
    expect(suggest('deploy', known)).toBeUndefined();
    expect(suggest('', known)).toBeUndefined();
    expect(didYouMean('hlep', known, 'm2 ')).toBe(' Did you mean m2 help?');
    expect(didYouMean('deploy', known)).toBe('');
  });
});
