import { expect, it } from 'vitest';
import { isCompressible } from './compressible.js';

it.each([
  'text/html; charset=utf-8',
  'TEXT/Plain',
  'text/event-stream',
  'application/json',
  'application/problem+json; charset=utf-8',
  'image/svg+xml',
  'application/javascript',
  'application/wasm',
])('%s is worth compressing', (type) => expect(isCompressible(type)).toBe(true));

it.each([
  null,
  '',
  'image/png',
  'image/jpeg',
  'video/mp4',
  'application/zip',
  'application/octet-stream',
  'font/woff2',
  'textual/x',
])('%s is not', (type) => expect(isCompressible(type)).toBe(false));
