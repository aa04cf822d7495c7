import { describe, expect, it } from 'vitest';
import { blocksOf } from './markdown.mjs';

describe('blocksOf', () => {
  it('finds blocks, their language and the line of their code', () => {
    const blocks = blocksOf('# A\n\n```ts\nlet a;\n\nlet b;\n```\n\n~~~~ SH\n```\n~~~~\n```\nplain\n```');
    expect(blocks.map(({ language, code, line }) => ({ language, code, line }))).toEqual([
      { language: 'ts', code: 'let a;\n\nlet b;\n', line: 4 },
      { language: 'sh', code: '```\n', line: 10 },
      { language: '', code: 'plain\n', line: 13 },
    ]);
  });

  it('takes the indent of a list away', () => {
    expect(blocksOf('- x\n  ```js\n  if (a)\n    b();\n  ```')[0]?.code).toBe('if (a)\n  b();\n');
  });

  it('reads the comments right before a block, and no others', () => {
    const notes = (text: string) => blocksOf(`${text}\n\`\`\`ts\n\`\`\``).at(-1)?.notes;
    expect(notes('<!-- run -->')).toEqual([{ key: 'run', text: '' }]);
    expect(notes('<!-- not run: a b: c -->\n\n<!-- given: let a;\nlet b; -->\n')).toEqual([
      { key: 'not run', text: 'a b: c' },
      { key: 'given', text: 'let a;\nlet b;' },
    ]);
    expect(notes('<!-- run -->\ntext')).toEqual([]);
    expect(notes('<!-- run -->\n```sh\n```')).toEqual([]);
  });

  it('ends an open block with the page', () => {
    expect(blocksOf('```ts\nlet a;')[0]?.code).toBe('let a;\n');
  });
});
