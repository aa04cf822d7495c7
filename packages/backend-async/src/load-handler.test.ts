import { M2Error } from '@m2/core';
import { describe, expect, it } from 'vitest';
import { loadHandler } from './load-handler.js';

const module = new URL('../test/fixtures/handlers.mjs', import.meta.url);

async function failure(source: Parameters<typeof loadHandler>[0]): Promise<M2Error> {
  const error: unknown = await loadHandler(source).catch((thrown: unknown) => thrown);
  if (!M2Error.is(error)) throw new Error(`Expected an M2Error, got ${String(error)}.`);
  return error;
}

describe('loadHandler', () => {
  it('calls the export with the options, and waits for a promise', async () => {
    expect(await loadHandler({ module, options: { text: 'a' } })).toHaveProperty('handle');
    expect(await loadHandler({ module, export: 'later', options: { text: 'a' } })).toHaveProperty('handle');
  });

  it.each([
    ['missing', /no export 'missing' \(its exports: .*default/],
    ['toString', /no export 'toString'/],
    ['ready', /exports as 'ready' a ready Handler\. Export a function/],
    ['number', /exports as 'number' a number/],
    ['nonsense', /gave an object without a handle method/],
    ['nothing', /gave undefined/],
    ['failing', /failed in its export 'failing': no database/],
  ])('refuses the export %s', async (name, message) => {
    const error = await failure({ module, export: name });
    expect(error.code).toBe('M2_HANDLER_INVALID');
    expect(error.message).toMatch(message);
    expect(error.message).toContain(module.href);
  });

  it('keeps the cause, and lets an error with a code of its own pass', async () => {
    expect((await failure({ module, export: 'failing' })).cause).toBeInstanceOf(TypeError);
    expect((await failure({ module, export: 'failingWithCode' })).code).toBe('M2_APP_NOT_FOUND');
  });

  it.each(['broken.mjs', 'absent.mjs'])('says that %s could not be imported', async (file) => {
    const error = await failure({ module: new URL(`../test/fixtures/${file}`, import.meta.url) });
    expect(error.code).toBe('M2_HANDLER_INVALID');
    expect(error.message).toContain('could not be imported');
    expect(error.cause).toBeInstanceOf(Error);
  });
});
