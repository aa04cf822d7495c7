import { M2Error } from '@m2/core';
import { describe, expect, it } from 'vitest';
import { type CliLoggerOptions, createLogger, wantsColor } from './cli-logger.js';

const clock = { now: () => 0, wall: () => Date.UTC(2026, 0, 2, 3, 4, 5, 6), after: () => () => {} };

function collect(options: Partial<CliLoggerOptions> = {}) {
  let text = '';
  const sink = { write: (piece: string) => (text += piece) };
  const logger = createLogger({ sink, format: 'text', level: 'info', color: false, clock, pid: 7, ...options });
  return {
    logger,
    text: () => text,
    lines: () => text.split('\n').slice(0, -1),
    json: () => JSON.parse(text) as Record<string, unknown>,
  };
}

describe('text logs', () => {
  it('have the time, the level, the message and its facts', () => {
    const { logger, text } = collect();
    logger.warn('Something is odd.', { id: 5, uri: '/a b', nested: { a: 1n } });
    expect(text()).toBe('2026-01-02 03:04:05 warn  Something is odd. id=5 uri="/a b" nested=[object Object]\n');
  });

  it('leave out what is below the level, and everything when silent', () => {
    const { logger, text } = collect({ level: 'warn' });
    logger.debug('a');
    logger.info('b');
    logger.raw('banner');
    expect(text()).toBe('');
    logger.error('c');
    expect(text()).toContain('error c');
    const silent = collect({ level: 'silent' });
    silent.logger.error('d');
    expect(silent.text()).toBe('');
  });

  it("show the code of m2's errors without their stack, and the stack of an app's error", () => {
    const { logger, text } = collect();
    const cause = new TypeError('x is not a function');
    const error = new M2Error('M2_APP_IMPORT_FAILED', 'The app failed.', { cause });
    logger.error(error.message, { error });
    expect(text()).toMatch(
      /error The app failed\. \[M2_APP_IMPORT_FAILED\]\n {2}caused by TypeError: x is not a function\n {6}at /,
    );
    expect(text()).toContain('cli-logger.test.ts');
    expect(text().match(/The app failed/g)).toHaveLength(1);
  });

  it("leave out where Node's own loader stood", () => {
    const { logger, lines } = collect();
    const error = new Error('broken');
    error.stack = 'Error: broken\n    at link (node:internal/modules/esm:1:2)\n    at load (file:///srv/app.mjs:3:4)';
    logger.error('Not loaded.', { error });
    expect(lines().slice(1)).toEqual(['  Error: broken', '      at load (file:///srv/app.mjs:3:4)']);
  });

  it('name an error that is not in the message, and what was thrown without being an Error', () => {
    const { logger, lines } = collect();
    logger.warn('It went away.', { error: new M2Error('M2_LINK_DOWN', 'The link is down.') });
    logger.warn('Thrown.', { error: 'just text' });
    expect(lines()).toEqual([
      '2026-01-02 03:04:05 warn  It went away. [M2_LINK_DOWN]',
      '  M2Error: The link is down.',
      '2026-01-02 03:04:05 warn  Thrown.',
      '  thrown: just text',
    ]);
  });

  it('cannot be forged or drive the terminal with bytes of a client', () => {
    const { logger, lines } = collect();
    logger.info('path /\x1b[2J\r\x9b\n2026-01-02 03:04:06 error forged', { header: 'a\nb\x07' });
    expect(lines()).toEqual([
      '2026-01-02 03:04:05 info  path /\\u001b[2J\\u000d\\u009b',
      '  2026-01-02 03:04:06 error forged header="a\\nb\\u0007"',
    ]);
  });

  it('survive a chain of causes that is a circle', () => {
    const { logger, text } = collect();
    const error = new Error('round');
    error.cause = error;
    logger.error('Circle.', { error });
    expect(text().split('caused by')).toHaveLength(9);
  });

  it('are coloured when asked', () => {
    const { logger, text } = collect({ color: true });
    logger.error('red');
    expect(text()).toContain('\x1b[31merror\x1b[0m red');
  });
});

describe('JSON logs', () => {
  it('are one object a line, with the fields apart', () => {
    const { logger, text, json } = collect({ format: 'json' });
    logger.info('Line\nbreak', { id: 5, big: 3n });
    expect(text().match(/\n/g)).toHaveLength(1);
    expect(json()).toEqual({ time: '2026-01-02T03:04:05.006Z', level: 'info', pid: 7, message: 'Line\nbreak', id: 5, big: '3' });
  });

  it('keep their own fields when others have the same names', () => {
    const { logger, json } = collect({ format: 'json' });
    logger.info('real', { message: 'other', level: 'x', time: 0, pid: 0 });
    expect(json()).toMatchObject({ message: 'real', level: 'info', pid: 7 });
  });

  it('carry errors with code, details and cause', () => {
    const { logger, json } = collect({ format: 'json' });
    const error = new M2Error('M2_SPEC_INVALID', 'Bad.', { details: { text: 'x' }, cause: new Error('inner') });
    logger.error('Bad.', { error });
    expect(json().error).toEqual({
      name: 'M2Error',
      message: 'Bad.',
      code: 'M2_SPEC_INVALID',
      details: { text: 'x' },
      cause: { name: 'Error', message: 'inner', stack: expect.stringContaining('Error: inner') },
    });
  });

  it('survive circles, several errors, and values that cannot be written', () => {
    const circle: Record<string, unknown> = { cause: new Error('second') };
    circle.self = circle;
    const first = collect({ format: 'json' });
    first.logger.warn('circle', { circle });
    expect(first.json().circle).toMatchObject({ self: '[seen before]', cause: { message: 'second' } });
    const second = collect({ format: 'json' });
    second.logger.warn('bad', {
      bad: {
        toJSON() {
          throw new Error('no');
        },
      },
    });
    expect(second.json()).toMatchObject({ message: 'bad', unwritable: 'Error: no' });
  });
});

describe('wantsColor', () => {
  const terminal = { write: () => true, isTTY: true };
  const pipe = { write: () => true };

  it('obeys FORCE_COLOR, then NO_COLOR, then the terminal', () => {
    expect(wantsColor(terminal, {})).toBe(true);
    expect(wantsColor(terminal, { TERM: 'dumb' })).toBe(false);
    expect(wantsColor(terminal, { NO_COLOR: '1' })).toBe(false);
    expect(wantsColor(terminal, { NO_COLOR: '' })).toBe(true);
    expect(wantsColor(pipe, {})).toBe(false);
    expect(wantsColor(pipe, { FORCE_COLOR: '1', NO_COLOR: '1' })).toBe(true);
    expect(wantsColor(terminal, { FORCE_COLOR: '0' })).toBe(false);
  });
});
