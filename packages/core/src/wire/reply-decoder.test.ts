import { describe, expect, test } from 'vitest';
import { M2Error } from '../errors.js';
import { decodeReply, type ReplyEffect } from './reply-decoder.js';

const decodeText = (text: string) => decodeReply(new Uint8Array(Buffer.from(text, 'latin1')));
const control = (body: string) => decodeText(`u 3:X 7, ${body}`);

function effectOf(decoded: ReturnType<typeof decodeReply>): { effect: unknown; stickyX: unknown } {
  if (!(decoded instanceof M2Error)) throw new Error(`decoded as ${decoded.kind}`);
  expect(decoded.code).toBe('M2_BAD_REPLY');
  expect(decoded.message).toContain(String(decoded.details.expected));
  return { effect: decoded.details.effect, stickyX: decoded.details.stickyX };
}

// Each row was sent to Mongrel2 1.12.2, followed by two plain replies to the same client, and this is what it did;
// ids that no client had were read off the disconnect notices that bounced.

describe('plain replies, as Mongrel2 takes them (protocol 4)', () => {
  test.each<[string, number[]]>([
    ['u 1:7, D', [7]],
    ['u 01:7, D', [7]],
    ['u 2:7 , D', [7]],
    ['u 3:7 7, D', [7, 7]],
    ['u 3:007, D', [7]],
    ['u 10:4294967303, D', [7]],
    ['u 20:18446744073709551615, D', [4294967295]],
    ['u 21:184467440737095516150, D', [4294967295]],
    ['u 20:18446744073709551614, D', [4294967294]],
    ['u 4294967297:7, D', [7]],
  ])('%s', (text, ids) => {
    expect(decodeText(text)).toMatchObject({ kind: 'data', ids });
  });

  test('the data is everything after the blank, a view', () => {
    const bytes = new Uint8Array(Buffer.from('u 1:7, , X 1:2,\0\xff', 'latin1'));
    const decoded = decodeReply(bytes);
    expect(decoded).toMatchObject({ kind: 'data', server: 'u' });
    const data = (decoded as { data: Uint8Array }).data;
    expect(data.buffer).toBe(bytes.buffer);
    expect(Buffer.from(data).toString('latin1')).toBe(', X 1:2,\0\xff');
  });

  test('no data closes', () => {
    expect(decodeText('u 3:7 8, ')).toEqual({ kind: 'close', server: 'u', ids: [7, 8] });
  });

  test.each([
    '',
    'u',
    'u ',
    ' 1:7, D',
    'u_ 1:7, D',
    'u  1:7, D',
    'u 1:7,D',
    'u 1:7,',
    'u 1:7',
    'u 4:7  7, D',
    'u 2: 7, D',
    'u 0:7, D',
    'u 2:7, D',
    'u 0:, D',
    'u :7, D',
    'u 2:-7, D',
    'u 1:x, D',
    'u 2:X7, D',
    'u 1:X, D',
    'u -1:7, D',
    'u 18446744073709551615:7, D',
  ])('%j stalls every reply of the handler', (text) => {
    expect(effectOf(decodeText(text))).toEqual({ effect: 'stall', stickyX: undefined });
  });

  test('129 ids: all of them lose it', () => {
    const list = Array.from({ length: 129 }, () => '1').join(' ');
    expect(effectOf(decodeText(`u ${list.length}:${list}, D`)).effect).toBe('stall');
    const allowed = list.slice(0, -2);
    expect(decodeText(`u ${allowed.length}:${allowed}, D`)).toMatchObject({ kind: 'data' });
    expect(decodeReply(Buffer.from('u 3:1 2, D'), { targets: 1 })).toBeInstanceOf(M2Error);
  });

  test('a reply over the size limit', () => {
    expect(decodeReply(Buffer.from('u 1:7, D'), { messageBytes: 7 })).toMatchObject({ code: 'M2_LIMIT_EXCEEDED' });
  });
});

describe('extended replies (protocol 5)', () => {
  const none = { kind: 'control', server: 'u', ids: [7], keepAlive: false, cancel: false };

  test.each<[string, object]>([
    ['31:3:ctl,21:10:keep-alive,4:true!}]', { keepAlive: true }],
    ['28:3:ctl,18:10:keep-alive,1:x,}]', { keepAlive: true }],
    ['26:3:ctl,16:7:credits,3:500#}]', { credits: 500 }],
    ['27:3:ctl,17:7:credits,4:-500#}]', { credits: -500 }],
    ['26:3:ctl,16:6:cancel,4:true!}]', { cancel: true }],
    ['27:3:ctl,17:6:cancel,5:false!}]', { cancel: true }],
    ['22:3:ctl,12:6:cancel,0:~}]', { cancel: true }],
    ['18:3:ctl,9:3:foo,0:,}]', {}],
    ['9:3:ctl,0:}]', {}],
    ['31:3:ctl,21:10:keep-alive,4:true!}]zzz', { keepAlive: true }],
  ])('%s', (body, expected) => {
    expect(control(body)).toEqual({ ...none, ...expected });
  });

  test('several keys, several ids, a blank at the end of the list', () => {
    const dict = '7:credits,1:5#10:keep-alive,4:true!';
    const list = `3:ctl,${dict.length}:${dict}}`;
    expect(decodeText(`u 7:X 7 80 , ${list.length}:${list}]`)).toEqual({ ...none, ids: [7, 80], keepAlive: true, credits: 5 });
  });

  test.each<[ReplyEffect, string]>([
    ['crash', '1:a!'],
    ['crash', '1:a~'],
    ['crash', '1:aQ'],
    ['crash', '3:x1y#'],
    ['crash', '3:1.5^'],
    ['crash', '26:3:ctl,16:7:credits,3:1.5^}]'],
    ['crash', '13:3:ctl,4:3:ab}]'],
    ['crash', '17:3:ctl,8:1:5#1:x,}]'],
    ['crash', '15:3:ctl,6:3:foo,}]'],
    ['crash', '8:3:ctl,9:]'],
    ['close', '9:3:ctl,0:~]'],
    ['close', '9:3:ctl,0:,]'],
    ['close', '9:3:abc,0:}]'],
    ['garbage', '25:3:ctl,15:7:credits,2:50,}]'],
    ['garbage', '27:3:ctl,17:7:credits,4:true!}]'],
    ['ignored', ''],
    ['ignored', 'hello'],
    ['ignored', '5:hello,'],
    ['ignored', '1:5#'],
    ['ignored', '0:~'],
    ['ignored', '0:]'],
    ['ignored', '6:3:ctl,]'],
    ['ignored', '12:3:ctl,0:}0:~]'],
    ['ignored', '7:1:5#0:}]'],
    ['ignored', '31:3:ctl,21:10:keep-alive'],
    ['ignored', '31:3:ctl,21:10:keep-alive,4:true!}'],
    ['ignored', '-1:x,'],
  ])('%s: %s', (effect, body) => {
    expect(effectOf(control(body))).toEqual({ effect, stickyX: undefined });
  });

  test.each(['u 1:X 7, D', 'u 2:X , D', 'u 3:X 7,D', 'u 3:X 7', 'u 4:X 7x, D', 'u 6:X 7  8, D'])(
    '%j also swallows the next plain reply: the X flag sticks',
    (text) => {
      expect(effectOf(decodeText(text))).toEqual({ effect: 'stall', stickyX: true });
    },
  );

  test.each(['u 4:X  7, D', 'u 2:X ', 'u 3:X x, D', 'u 5:X X 7, D'])('%j does not: the flag was never set', (text) => {
    expect(effectOf(decodeText(text))).toEqual({ effect: 'stall', stickyX: undefined });
  });
});
