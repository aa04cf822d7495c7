import { describe, expect, it } from 'vitest';
import { printable, textTable } from './text-table.js';

describe('textTable', () => {
  it('puts text to the left and numbers to the right', () => {
    expect(
      textTable(
        ['id', 'name'],
        [
          [7, 'a'],
          [4711, 'longer'],
        ],
      ),
    ).toBe('  id  name\n   7  a\n4711  longer\n');
    expect(textTable(['id', 'name'], [])).toBe('id  name\n');
  });

  it('lets nothing drive the terminal', () => {
    expect(textTable(['a'], [['\x1b[2J\n']])).toBe('a\n\\u001b[2J\\u000a\n');
    expect(printable('ä\u2028')).toBe('ä\\u2028');
  });
});
