import { afterEach, describe, expect, it } from 'vitest';
import { checkDocsDeps } from './check-docs-deps.mjs';
import { makeTree, removeTrees } from './lib/test-tree.mjs';

afterEach(removeTrees);

const base = {
  'package.json': { devDependencies: { vitest: '4' } },
  'packages/core/package.json': { name: '@m2/core' },
  'packages/a/package.json': { dependencies: { zeromq: '6', '@m2/core': '1' } },
  'docs/dependencies.md': '| package | where | why |\n|---|---|---|\n| `vitest` | root | tests |\n| `zeromq` | a | sockets |\n',
};

function problems(files: Record<string, unknown> = {}): string {
  return checkDocsDeps(makeTree({ ...base, ...files }))
    .map(({ message }) => message)
    .join('\n');
}

describe('check-docs-deps', () => {
  it('finds nothing wrong where both agree', () => {
    expect(problems()).toBe('');
  });

  it('finds a dependency without a line, of every kind', () => {
    for (const group of ['dependencies', 'devDependencies', 'peerDependencies', 'optionalDependencies']) {
      expect(problems({ 'packages/core/package.json': { [group]: { ws: '8' } } })).toBe(
        'has no line for ws (packages/core/package.json)',
      );
    }
  });

  it('finds a line without a dependency, a second line and an empty cell', () => {
    const docs = (row: string) => ({ 'docs/dependencies.md': `${base['docs/dependencies.md']}${row}\n` });
    expect(problems(docs('| `ws` | a | why |'))).toContain('no package.json declares ws');
    expect(problems(docs('| `zeromq` | a | again |'))).toContain('zeromq has two lines');
    expect(problems({ 'docs/dependencies.md': '| `vitest` | root | |\n| `zeromq` | a | sockets |\n' })).toContain(
      'vitest has an empty cell',
    );
  });
});
