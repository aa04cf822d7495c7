import type { M2Error } from '@m2/core';
import { describe, expect, it } from 'vitest';
import { uploadNames } from './upload-name.js';

const latin1 = (text: string) => Buffer.from(text).toString('latin1');

describe('names of uploads without a pattern', () => {
  const nameOf = uploadNames(undefined);

  it.each([
    ['/uploads/up.OK3YBz', 'up.OK3YBz'],
    ['uploads/up.OK3YBz', 'up.OK3YBz'],
    ['up.OK3YBz', 'up.OK3YBz'],
    ['/a/b/c/abcdef', 'abcdef'],
    [latin1('/uploads/höch.a1B2c3'), 'höch.a1B2c3'],
    ['/a\nb/up\n.OK3YBz', 'up\n.OK3YBz'],
  ])('%j is taken by its last part', (start, name) => {
    expect(nameOf(start)).toBe(name);
  });

  it.each([
    '',
    '/',
    '/uploads/',
    '/uploads/up.OK3Y',
    '/uploads/up.OK3Y-z',
    '/uploads/..',
    '/uploads/../up.OK3YBz',
    '../up.OK3YBz',
    '/uploads/up.OK3YBz\0',
    '/uploads/\0/up.OK3YBz',
    '..\\up.OK3YBz',
    '/uploads/up.OK3YBz/',
    '/uploads/up.OK3YBz\n',
    '/uploads/\xff.OK3YBz',
    `/uploads/${'x'.repeat(250)}abcdef`,
  ])('%j is refused', (start) => {
    expect(nameOf(start)).toBeUndefined();
  });
});

describe('names of uploads with a pattern', () => {
  it('have its prefix, letter for letter', () => {
    const nameOf = uploadNames('up.XXXXXX');
    expect(nameOf('/uploads/up.OK3YBz')).toBe('up.OK3YBz');
    expect(nameOf('/elsewhere/up.OK3YBz')).toBe('up.OK3YBz');
    for (const wrong of ['/uploads/upXOK3YBz', '/uploads/xup.OK3YBz', '/uploads/up.OK3YBzz', '/etc/passwd']) {
      expect(nameOf(wrong), wrong).toBeUndefined();
    }
  });

  it('are in its folder, when it has one', () => {
    const nameOf = uploadNames('/uploads/up.XXXXXX');
    expect(nameOf('/uploads/up.OK3YBz')).toBe('up.OK3YBz');
    for (const wrong of ['/uploads2/up.OK3YBz', 'uploads/up.OK3YBz', 'up.OK3YBz', '/x/uploads/up.OK3YBz']) {
      expect(nameOf(wrong), wrong).toBeUndefined();
    }
  });

  it.each(['a+b(c)[d]^$|{2}.XXXXXX', '-XXXXXX', 'XXXXXXX', 'höch.XXXXXX'])('%s is taken literally', (pattern) => {
    const name = `${pattern.slice(0, -6)}aB3dE6`;
    expect(uploadNames(pattern)(latin1(`/u/${name}`))).toBe(name);
  });

  it.each(['up', 'up.XXXXX', 'up.XXXXXX/', 'up.xxxxxx', '', 'a\0XXXXXX'])('%j is no pattern', (pattern) => {
    expect(() => uploadNames(pattern)).toThrow(
      expect.objectContaining({ code: 'M2_OPTION_INVALID' } satisfies Partial<M2Error>) as Error,
    );
  });
});
