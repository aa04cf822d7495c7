import { describe, expect, it } from 'vitest';
import { matchesPattern, patternProblem } from './pattern.js';
import { SearchTree } from './search-tree.js';

describe('matchesPattern', () => {
  it.each<[string, string, boolean]>([
    ['42', '([0-9]+)$', true],
    ['42x', '([0-9]+)$', false],
    ['42x', '([0-9]+)', true],
    ['', '(a?)$', true],
    ['aab', '(a-b)$', true],
    ['a-b', '([a\\-]+)b', true],
    ['x]y', '([^]]+)', true],
    ['((a))b', '(\\b()b)', true],
    ['((a)', '(\\b())', false],
    ['THE (quick)', '(THE \\(quick\\))', true],
    ['foo bar', '(foo \\f[a-z]bar)', true],
    ['foobar', '(foo\\f[a-z]bar)', false],
    ['a$', '(a$)', true],
    ['a', '(a$)', false],
    ['\x7f', '(\\c)', true],
    ['_', '(\\w)', false],
    ['_', '(\\p)', true],
    ['a.b', '(a\\.b)', true],
    ['axb', '(a\\.b)', false],
  ])('%j with %s: %s', (text, pattern, matches) => {
    expect(matchesPattern(text, pattern)).toBe(matches);
  });

  it('ends on patterns that could be tried for ever', () => {
    expect(matchesPattern('a'.repeat(200), `(${'a*'.repeat(20)}b)$`)).toBe(false);
    expect(matchesPattern('x'.repeat(100_000), '(.-)y')).toBe(false);
  });
});

describe('patternProblem', () => {
  it.each(['/plain', '/a([0-9]+)$', '/a(\\b())', '/a(\\f[a-z]x)', '/a([]x])', '/a([^]]*)'])('finds none in %s', (pattern) => {
    expect(patternProblem(pattern)).toBeUndefined();
  });
  it.each(['/a\\', '/a([a', '/a([', '/a)', '/a(', '/a(\\b(', '/a(\\fx)'])('finds one in %s', (pattern) => {
    expect(patternProblem(pattern)).toEqual(expect.any(String));
  });
});

describe('SearchTree', () => {
  const tree = new SearchTree<string>();
  for (const key of ['/', '/json/', '/js', '/a/b', '/a/c']) tree.insert(key, key);
  it.each<[string, string | undefined]>([
    ['/', '/'],
    ['/j', '/js'],
    ['/jso', '/json/'],
    ['/js', '/js'],
    ['/json', '/json/'],
    ['/jx', '/'],
    ['/a/', '/a/b'],
    ['/a/x', '/'],
    ['x', undefined],
    ['', undefined],
  ])('finds for %j %s', (text, key) => {
    expect(tree.find(text)).toBe(key);
  });
});
