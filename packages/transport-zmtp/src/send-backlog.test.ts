import { describe, expect, it } from 'vitest';
import { SendBacklog } from './send-backlog.js';

const message = (text: string, ...more: string[]) => [text, ...more].map((part) => Buffer.from(part));

describe('the backlog', () => {
  it('gives messages back in order, however many pass through', () => {
    const backlog = new SendBacklog({ messages: 10, bytes: 1000 });
    let put = 0;
    let got = 0;
    for (let round = 0; round < 1000; round++) {
      while (backlog.push(message(`m${put}`))) put++;
      for (let count = 0; count < 7; count++) expect(String(backlog.shift()?.[0])).toBe(`m${got++}`);
    }
    expect(backlog.length).toBe(put - got);
    while (backlog.length > 0) expect(String(backlog.shift()?.[0])).toBe(`m${got++}`);
    expect([got, backlog.shift()]).toEqual([put, undefined]);
  });

  it('is bounded in messages and in the bytes of all their frames', () => {
    const few = new SendBacklog({ messages: 2, bytes: 1000 });
    expect([few.push(message('a')), few.push(message('b')), few.push(message('c'))]).toEqual([true, true, false]);
    const small = new SendBacklog({ messages: 10, bytes: 6 });
    expect([small.push(message('abc', 'de')), small.push(message('fg')), small.push(message('h'))]).toEqual([true, false, true]);
    small.shift();
    expect(small.push(message('', 'fghij'))).toBe(true);
  });

  it('takes one message above the bound when it is alone', () => {
    const backlog = new SendBacklog({ messages: 10, bytes: 3 });
    expect([backlog.push(message('long enough')), backlog.push(message(''))]).toEqual([true, false]);
    backlog.clear();
    expect([backlog.length, backlog.push(message('a'))]).toEqual([0, true]);
  });
});
