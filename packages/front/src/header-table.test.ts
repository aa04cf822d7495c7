import { describe, expect, it } from 'vitest';
import { HeaderTable } from './header-table.js';

const namesOf = (table: HeaderTable) => table.fields().map(([name]) => name);

describe('HeaderTable', () => {
  it('gives names in the order of their chains, whatever order they came in', () => {
    const names = ['host', 'user-agent', 'accept', 'x-forwarded-for', 'UPLOAD_STREAM', 'FLAGS', 'connection'];
    const expected = ['UPLOAD_STREAM', 'x-forwarded-for', 'FLAGS', 'connection', 'accept', 'user-agent', 'host'];
    for (const order of [names, [...names].reverse()]) {
      const table = new HeaderTable();
      for (const name of order) table.add(name, 'x');
      expect(namesOf(table)).toEqual(expected);
    }
  });

  it('gives the newest of a chain first, and the oldest once the table has grown', () => {
    // These three share a chain of 64 and of 128.
    const together = sharingChain(3);
    const table = new HeaderTable();
    for (const name of together) table.add(name, 'x');
    expect(namesOf(table)).toEqual([...together].reverse());
    for (let at = 0; at < 126; at++) table.add(`filler-${at}`, 'x');
    expect(namesOf(table).filter((name) => together.includes(name))).toEqual(together);
  });

  it('keeps five values of a name, replaces them, and keeps strange names', () => {
    const table = new HeaderTable();
    for (let at = 0; at < 7; at++) table.add('cookie', `${at}`);
    table.add('__proto__', 'x');
    expect(new Map(table.fields())).toEqual(
      new Map([
        ['cookie', ['0', '1', '2', '3', '4']],
        ['__proto__', ['x']],
      ]),
    );
    table.set('cookie', 'one');
    expect(table.get('cookie')).toBe('one');
    expect(new Map(table.fields()).get('cookie')).toEqual(['one']);
    expect(table.get('none')).toBeUndefined();
  });
});

/** Names that fall into one chain of a table of 64 and of 128, by a hash of the test's own. */
function sharingChain(count: number): string[] {
  const hash = (name: string) => {
    let value = 0x811c9dc5n;
    for (const byte of Buffer.from(name)) value = ((value ^ BigInt(byte)) * 0x01000193n) & 0xffff_ffffn;
    return value;
  };
  const wanted = hash('name-0') & 127n;
  const names: string[] = [];
  for (let at = 0; names.length < count; at++) if ((hash(`name-${at}`) & 127n) === wanted) names.push(`name-${at}`);
  return names;
}
