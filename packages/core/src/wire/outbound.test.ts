import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { M2Error } from '../errors.js';
import { type Control, encodeClose, encodeControl, encodeReply, isServerId, joinReply, replyPrefix } from './outbound.js';
import { decodeReply } from './server-side.js';

const SERVER = '34f9ceee-cd52-4b7f-b197-88bf2f0ec378';
const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'));
const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
const badReply = expect.objectContaining({ name: 'M2Error', code: 'M2_BAD_REPLY' });

const anyServer = fc.stringMatching(/^[A-Za-z0-9-]{1,40}$/);
const anyId = fc.integer({ min: 0, max: 0xffff_ffff });
const anyIds = fc.oneof(anyId, fc.array(anyId, { minLength: 1, maxLength: 128 }));
const anyLatin1 = fc.uint8Array({ maxLength: 60 }).map(textOf);
const anyData = fc.oneof(anyLatin1, fc.uint8Array({ maxLength: 200 }));
const listOf = (ids: number | readonly number[]): readonly number[] => (typeof ids === 'number' ? [ids] : ids);

describe('replyPrefix (protocol 4)', () => {
  test('one connection, several, the highest id', () => {
    expect(replyPrefix(SERVER, 7)).toBe(`${SERVER} 1:7, `);
    expect(replyPrefix(SERVER, [7])).toBe(`${SERVER} 1:7, `);
    expect(replyPrefix('a', [7, 80, 900])).toBe('a 8:7 80 900, ');
    expect(replyPrefix('a', 4294967295)).toBe('a 10:4294967295, ');
    expect(replyPrefix('a', -0)).toBe('a 1:0, ');
  });

  test.each(['', 'a_b', 'a b', 'a\n', 'é', 'a.b', 'a:b', ' '])('a server %j is refused', (server) => {
    expect(() => replyPrefix(server, 1)).toThrow(badReply);
    expect(isServerId(server)).toBe(false);
  });

  test.each([-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 4294967296, 2 ** 53])(
    'an id %d is refused, alone and in a list',
    (id) => {
      expect(() => replyPrefix('a', id)).toThrow(badReply);
      expect(() => replyPrefix('a', [1, id])).toThrow(badReply);
    },
  );

  test.each([['7'], [null], [undefined], [7n]])('an id that is no number is refused: %#', (id) => {
    expect(() => replyPrefix('a', [id] as unknown as number[])).toThrow(badReply);
    expect(() => replyPrefix('a', id as unknown as number)).toThrow(Error);
  });

  test('a list with holes is refused', () => {
    const holes: number[] = [1];
    holes[2] = 3;
    expect(() => replyPrefix('a', holes)).toThrow(badReply);
  });

  test('peers 17: 128 ids pass, 129 do not, and none neither', () => {
    const ids = Array.from({ length: 128 }, (_, id) => id);
    expect(decodeReply(bytesOf(`${replyPrefix('a', ids)}x`))).toMatchObject({ kind: 'data', ids });
    expect(() => replyPrefix('a', [...ids, 128])).toThrow(badReply);
    expect(() => replyPrefix('a', [])).toThrow(badReply);
  });
});

describe('encodeReply and encodeClose (protocol 4)', () => {
  test('the example of the protocol', () => {
    const reply = encodeReply(3, '34f9ceee', 7, 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n', bytesOf('ok'));
    expect(reply.epoch).toBe(3);
    expect(textOf(joinReply(reply))).toBe('34f9ceee 1:7, HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  });

  test('nothing at all would close the connection, so it is refused; closing has its own function', () => {
    for (const data of ['', new Uint8Array(0)]) expect(() => encodeReply(0, 'a', 7, '', data)).toThrow(badReply);
    expect(textOf(joinReply(encodeClose(2, 'a', [7, 8])))).toBe('a 3:7 8, ');
    expect(encodeClose(2, 'a', 7)).toEqual({ epoch: 2, head: 'a 1:7, ', data: '' });
  });

  test('characters above U+00FF are refused, wherever they stand', () => {
    expect(() => encodeReply(0, 'a', 7, 'x\u20ac', '')).toThrow(badReply);
    expect(() => encodeReply(0, 'a', 7, '', `${'x'.repeat(1000)}\u0100`)).toThrow(badReply);
    expect(() => encodeReply(0, 'a', 7, '\ud83d\ude00', 'x')).toThrow(badReply);
  });

  test('peers 6: bytes go out as they are, text as one byte a character', () => {
    const all = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    const fromBytes = joinReply(encodeReply(0, 'a', 7, '', all));
    const fromText = joinReply(encodeReply(0, 'a', 7, '', textOf(all)));
    expect(fromBytes.subarray(7)).toEqual(Buffer.from(all));
    expect(textOf(fromText)).toBe(textOf(fromBytes));
  });

  test('peers 14: nothing is added to the data', () => {
    expect(textOf(joinReply(encodeReply(0, 'a', 7, '', 'x')))).toBe('a 1:7, x');
  });

  test('whatever it takes, Mongrel2 reads as the same', () => {
    fc.assert(
      fc.property(anyServer, anyIds, anyLatin1, anyData, (server, ids, head, data) => {
        fc.pre(head.length + data.length > 0);
        const decoded = decodeReply(joinReply(encodeReply(1, server, ids, head, data)));
        const body = head + (typeof data === 'string' ? data : textOf(data));
        expect(decoded).toMatchObject({ kind: 'data', server, ids: listOf(ids) });
        expect('data' in decoded && textOf(decoded.data as Uint8Array)).toBe(body);
        expect(decodeReply(joinReply(encodeClose(1, server, ids)))).toEqual({ kind: 'close', server, ids: listOf(ids) });
      }),
      { numRuns: 1000 },
    );
  });
});

describe('encodeControl (protocol 5)', () => {
  test.each<[Control, string]>([
    [{ keepAlive: true }, 'a 3:X 7, 31:3:ctl,21:10:keep-alive,4:true!}]'],
    [{ credits: 500 }, 'a 3:X 7, 26:3:ctl,16:7:credits,3:500#}]'],
    [{ cancel: true }, 'a 3:X 7, 26:3:ctl,16:6:cancel,4:true!}]'],
  ])('%j is as in the protocol', (control, text) => {
    expect(textOf(joinReply(encodeControl(0, 'a', 7, control)))).toBe(text);
  });

  test.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2147483648, 2 ** 53, '5', true, null, 5n])(
    'credits %# are refused: a float ends Mongrel2, a string is read as a pointer',
    (credits) => {
      expect(() => encodeControl(0, 'a', 7, { credits: credits as number })).toThrow(badReply);
    },
  );

  test.each([{}, { keepAlive: undefined }, { keepAlive: false }, { cancel: 1 }, { cancel: 'yes' }, { credit: 5 }])(
    '%j is refused',
    (control) => {
      expect(() => encodeControl(0, 'a', 7, control as unknown as Control)).toThrow(badReply);
    },
  );

  test('ids and server are checked as in a plain reply', () => {
    const keepAlive = { keepAlive: true } as const;
    expect(() => encodeControl(0, 'a_b', 7, keepAlive)).toThrow(badReply);
    expect(() => encodeControl(0, 'a', [], keepAlive)).toThrow(badReply);
    expect(() => encodeControl(0, 'a', Array<number>(129).fill(1), keepAlive)).toThrow(badReply);
    expect(() => encodeControl(0, 'a', -1, keepAlive)).toThrow(badReply);
  });

  test('whatever it takes, Mongrel2 reads as the same', () => {
    const anyControl = fc.record(
      {
        keepAlive: fc.constant(true as const),
        credits: fc.integer({ min: 1, max: 2147483647 }),
        cancel: fc.constant(true as const),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(anyServer, anyIds, anyControl, (server, ids, control) => {
        fc.pre(Object.keys(control).length > 0);
        expect(decodeReply(joinReply(encodeControl(1, server, ids, control)))).toEqual({
          kind: 'control',
          server,
          ids: listOf(ids),
          keepAlive: control.keepAlive === true,
          cancel: control.cancel === true,
          ...(control.credits === undefined ? {} : { credits: control.credits }),
        });
      }),
      { numRuns: 500 },
    );
  });
});

test('whatever is thrown at the encoders, they refuse it or make what Mongrel2 takes', () => {
  const anything = fc.anything({ withBigInt: true, withTypedArray: true });
  const encoders = [
    (server: unknown, ids: unknown, first: unknown, second: unknown) =>
      encodeReply(0, server as string, ids as number, first as string, second as string),
    (server: unknown, ids: unknown) => encodeClose(0, server as string, ids as number),
    (server: unknown, ids: unknown, control: unknown) => encodeControl(0, server as string, ids as number, control as Control),
  ];
  const some = fc.oneof(anything, fc.constant('a'), anyIds, fc.constant({ credits: 5 }));
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 2 }),
      fc.oneof(anyServer, anything),
      some,
      some,
      some,
      (which, server, ids, first, second) => {
        let message: Uint8Array;
        try {
          message = joinReply((encoders[which] as (typeof encoders)[0])(server, ids, first, second));
        } catch {
          return;
        }
        expect((decodeReply(message) as M2Error).code).toBeUndefined();
      },
    ),
    { numRuns: 3000 },
  );
});
