import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { M2Error } from '../errors.js';
import {
  decodeTnetstring,
  encodeTnetstring,
  formatTnetstring,
  type TnetstringInput,
  type TnetstringValue,
} from './tnetstring.js';

const decodeText = (text: string, limits?: { depth?: number; size?: number }) =>
  decodeTnetstring(Buffer.from(text, 'latin1'), limits);

function bad(text: string, limits?: { depth?: number }): M2Error {
  const value = decodeText(text, limits);
  if (!(value instanceof M2Error)) throw new Error(`decoded ${JSON.stringify(value)}`);
  expect(value.code).toBe('M2_BAD_MESSAGE');
  return value;
}

const latin1Text = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)), maxLength: 40 });

const { value: anyValue } = fc.letrec<{ value: TnetstringValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', maxDepth: 6 },
    latin1Text,
    fc.maxSafeInteger(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.array(fc.tuple(latin1Text, tie('value')), { maxLength: 5 }).map((pairs) => new Map(pairs)),
  ),
}));

describe('decodeTnetstring', () => {
  test.each<[string, TnetstringValue]>([
    ['0:,', ''],
    ['5:hello,', 'hello'],
    ['3:\x00\xff,,', '\x00\xff,'],
    ['1:0#', 0],
    ['2:-7#', -7],
    ['16:9007199254740991#', Number.MAX_SAFE_INTEGER],
    ['3:1.5^', 1.5],
    ['4:-2e3^', -2000],
    ['4:true!', true],
    ['5:false!', false],
    ['0:~', null],
    ['0:]', []],
    ['0:}', new Map()],
    ['16:5:hello,5:world,]', ['hello', 'world']],
    ['26:3:ctl,16:7:credits,3:500#}]', ['ctl', new Map([['credits', 500]])]],
    ['16:9:__proto__,1:x,}', new Map([['__proto__', 'x']])],
  ])('%j', (text, value) => {
    expect(decodeText(text)).toEqual(value);
  });

  test('a reply of the control port (protocol 14)', () => {
    const rows =
      '151:7:headers,86:2:id,2:fd,4:type,9:last_ping,9:last_read,10:last_write,10:bytes_read,13:bytes_written,]' +
      '4:rows,40:36:3:277#2:33#1:1#1:0#1:0#1:0#2:46#1:0#]]}';
    const value = decodeText(rows) as ReadonlyMap<string, readonly TnetstringValue[]>;
    expect(value.get('rows')).toEqual([[277, 33, 1, 0, 0, 0, 46, 0]]);
    expect(value.get('headers')).toHaveLength(8);
  });

  test.each([
    '',
    ':',
    '0',
    '0:',
    '5:hell,',
    '4:hello,',
    '5:hello',
    '5:helloQ',
    '05:hello,',
    '-1:x,',
    '+1:x,',
    ' 1:x,',
    '1000000000:x,',
    '5:hello,x',
    '1:a!',
    '4:True!',
    '1:a~',
    '0:#',
    '3:x1y#',
    '2:01#',
    '2:-0#',
    '2:+1#',
    '3:1.5#',
    '16:9007199254740992#',
    '20:99999999999999999999#',
    '0:^',
    '3:NaN^',
    '8:Infinity^',
    '5:1e999^',
    '3:0x1^',
    '3:9:a]',
    '3:1:a]',
    '4:1:1#}',
    '7:1:1#1:a,}',
    '4:1:a,}',
  ])('%j is refused', (text) => {
    expect(bad(text).details.at).toBeLessThanOrEqual(text.length);
  });

  test('depth is bounded, and nothing overflows the stack', () => {
    const nested = (levels: number): string => {
      let text = '0:]';
      for (let level = 1; level < levels; level++) text = `${text.length}:${text}]`;
      return text;
    };
    expect(decodeText(nested(16))).not.toBeInstanceOf(M2Error);
    expect(bad(nested(17)).message).toContain('within each other');
    expect(decodeText(nested(3), { depth: 3 })).toEqual([[[]]]);
    bad(nested(4), { depth: 3 });
    bad(nested(30_000));
  });

  test('size is bounded', () => {
    expect(decodeText('5:hello,', { size: 8 })).toBe('hello');
    expect(decodeText('5:hello,', { size: 7 })).toMatchObject({ code: 'M2_LIMIT_EXCEEDED', details: { limit: 'size', size: 8 } });
  });
});

describe('formatTnetstring', () => {
  test('writes what Mongrel2 reads', () => {
    expect(formatTnetstring(['ctl', { 'keep-alive': true }])).toBe('31:3:ctl,21:10:keep-alive,4:true!}]');
    expect(formatTnetstring(['status', new Map([['what', 'net']])])).toBe('26:6:status,13:4:what,3:net,}]');
    expect(formatTnetstring([null, false, -3, -0, Uint8Array.of(0, 255)])).toBe('25:0:~5:false!2:-3#1:0#2:\x00\xff,]');
    expect(formatTnetstring(JSON.parse('{"__proto__":"x"}') as TnetstringInput)).toBe('16:9:__proto__,1:x,}');
  });

  const cycle: TnetstringInput[] = [];
  cycle.push(cycle);
  test.each<TnetstringInput>([
    1.5,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    2 ** 53,
    '\u20ac',
    ['a', 0.1],
    { credits: 0.5 },
    { '\u20ac': 1 },
    cycle,
  ])('value %# is refused: a float would end Mongrel2', (value) => {
    expect(() => formatTnetstring(value)).toThrow(expect.objectContaining({ code: 'M2_BAD_REPLY' }));
  });

  test.each([undefined, 10n, Symbol('x'), () => 1, [undefined]])('value %# is refused, whatever the types say', (value) => {
    expect(() => formatTnetstring(value as unknown as TnetstringInput)).toThrow(M2Error);
  });

  test('what is encoded is decoded the same', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        const bytes = encodeTnetstring(value);
        // -0 has no form of its own on the wire.
        expect(decodeTnetstring(bytes)).toEqual(value === 0 ? 0 : value);
        expect(decodeTnetstring(bytes.subarray(0, bytes.length - 1))).toBeInstanceOf(M2Error);
      }),
      { numRuns: 1000 },
    );
  });
});
