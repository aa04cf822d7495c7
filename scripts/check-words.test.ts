import { afterEach, describe, expect, it } from 'vitest';
import { checkWords } from './check-words.mjs';
import { makeTree, removeTrees } from './lib/test-tree.mjs';

afterEach(removeTrees);

function problems(path: string, text: string): string[] {
  return checkWords(makeTree({ [path]: text })).map(({ line, message }) => `${line}: ${message}`);
}

describe('check-words', () => {
  it.each([
    'fetched from https://registry.example.org/left-pad',
    'npm config set registry //nexus.corp/x',
    'see registry.npmjs.org',
    'cd /work/main',
    'cat /root/notes',
    'cd /home/somebody/m2',
    'write to /tmp/x',
    'read ../shared/x',
    'DESIGN.md says',
    '(PROTOCOL.md 7.2)',
    'made by a subagent',
    'AI-generated',
    'issue 2 point 1',
  ])('finds: %s', (text) => {
    expect(problems('docs/x.md', `fine\n${text}\n`)).toEqual([expect.stringMatching(/^2: /)]);
  });

  it.each([
    'docs/protocol.md',
    'User-Agent: curl',
    'new http.Agent()',
    'the npm registry',
    'homework/root',
    'an issue point',
    'packages/x/tmp/y',
    'SharedArrayBuffer',
  ])('lets through: %s', (text) => {
    expect(problems('docs/x.md', text)).toEqual([]);
  });

  it('lets code name /tmp, which tests write to', () => {
    expect(problems('test/x.test.ts', "mkdtemp('/tmp/x')")).toEqual([]);
  });
});
