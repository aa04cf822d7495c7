import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { checkExamples } from './check-examples.mjs';
import { projectRoot } from './lib/files.mjs';
import { makeTree, removeTrees } from './lib/test-tree.mjs';

afterEach(removeTrees);

const block = (language: string, code: string, ...notes: string[]) =>
  `Text.\n\n${notes.map((note) => `<!-- ${note} -->\n`).join('')}\`\`\`${language}\n${code}\n\`\`\`\n`;

async function problems(page: string, files: Record<string, unknown> = {}, parent?: string): Promise<string> {
  const root = makeTree({ 'package.json': { type: 'module' }, 'README.md': page, ...files }, parent);
  const found = await checkExamples(root);
  return found.map(({ file, line, message }) => `${file}:${line}: ${message}`).join('\n');
}

describe('check-examples: code', () => {
  it('type-checks TypeScript and JavaScript, and tells the line on the page', async () => {
    expect(await problems(block('ts', 'const a: number = 1;') + block('js', 'export const f = (x) => x.length;'))).toBe('');
    expect(await problems(block('ts', "const b = 1;\nconst a: number = 'x';"))).toMatch(/^README\.md:5: TS2322/);
    expect(await problems(block('typescript', 'nobody();'))).toMatch(/^README\.md:4: TS2304/);
    expect(await problems(block('js', 'const a = 1;\na.b.c();'))).toMatch(/^README\.md:5: TS2339/);
  });

  it('puts what the reader has before the block', async () => {
    expect(await problems(block('ts', 'app();', 'given: const app = () => 1;'))).toBe('');
    expect(await problems(block('ts', 'app.x();', 'given: const app = () => 1;'))).toMatch(/^README\.md:5: TS2339/);
  });

  it('leaves alone what says why it is not run, and other languages', async () => {
    expect(await problems(block('ts', 'nobody();', 'not run: shows a mistake') + block('text', 'nobody();'))).toBe('');
    expect(await problems(block('ts', 'nobody();', 'not run'))).toContain('says "not run", but not why');
  });

  it('reads the pages of docs and packages too', async () => {
    expect(await problems('', { 'docs/a/b.md': block('ts', 'nobody();') })).toContain('docs/a/b.md:4: TS2304');
    expect(await problems('', { 'packages/core/README.md': block('ts', 'nobody();') })).toContain(
      'packages/core/README.md:4: TS2304',
    );
  });
});

describe('check-examples: shell and copies', () => {
  it('runs shell blocks and shows what they printed when they fail', async () => {
    expect(await problems(block('sh', 'test -f README.md | cat', 'run'))).toBe('');
    expect(await problems(block('bash', 'echo before; false | cat; echo after', 'run'))).toMatch(/ended with 1:\nbefore$/);
    expect(await problems(block('sh', 'exit 3', 'run'))).toContain('README.md:5: ended with 3');
  });

  it('wants each shell block to be run or to say why not', async () => {
    expect(await problems(block('sh', 'true'))).toContain('put <!-- run --> before this block');
    expect(await problems(block('console', 'true'))).toContain('put <!-- run --> before this block');
    expect(await problems(block('sh', 'exit 3', 'not run: it fails'))).toBe('');
    expect(await problems(block('sh', 'true', 'run', 'given: x'))).toContain('<!-- given --> means nothing');
  });

  it('compares what claims to be a file', async () => {
    const page = block('python', 'x = 1', 'same as: a.conf');
    expect(await problems(page, { 'a.conf': 'x = 1\n' })).toBe('');
    expect(await problems(page, { 'a.conf': 'x = 2\n' })).toContain('README.md:5: differs from a.conf');
    expect(await problems(page)).toContain('differs from a.conf');
  });
});

describe('check-examples: answers', () => {
  const serving = (body: string) => `
import { memoryTransport, serve, HttpExchange, type Handler } from '@m2/core';
import { asyncBackend } from '@m2/backend-async';
const handler: Handler = {
  handle(message, client) {
    if (message.kind === 'http') new HttpExchange(message, client).respond(200, [], ${body});
  },
};
await serve(handler, 'tcp://127.0.0.1:9999', { backend: asyncBackend() });`;
  // The packages are found from within the project only.
  const ask = (code: string, note: string) => problems(block('ts', code, note), {}, join(projectRoot, '.m2-tmp'));

  it('runs the example and reads its answer', async () => {
    expect(await ask(serving("'at ' + message.path"), 'answers: /x at /x')).toBe('');
    expect(await ask(serving("'other'"), 'answers: /x at /x')).toContain(
      'should answer 200 with "at /x", but answered "HTTP/1.1 200',
    );
  });

  it('fails when the example fails, or says nothing of what to expect', async () => {
    expect(await ask("throw new Error('broken'); 'tcp://127.0.0.1:9999';", 'answers: /x at /x')).toContain('broken');
    expect(await ask(serving("'other'"), 'answers: /x')).toContain('should answer 200 with ""');
  });
});
