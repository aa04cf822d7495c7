import { afterEach, describe, expect, it } from 'vitest';
import { checkSizes, sizeLimits } from './check-sizes.mjs';
import { makeTree, removeTrees } from './lib/test-tree.mjs';

afterEach(removeTrees);

function problems(path: string, text: string): string[] {
  return checkSizes(makeTree({ [path]: text })).map(({ file, line, message }) => `${file}:${line ?? 0}: ${message}`);
}

/** `opening`, then lines so that opening to closing make `lines`, then `closing`. */
const block = (opening: string, lines: number, closing: string) => `${opening}\n${'  f();\n'.repeat(lines - 2)}${closing}\n`;

describe('check-sizes', () => {
  it('counts the lines of a source file, not of a test', () => {
    const lines = (count: number) => 'f();\n'.repeat(count);
    expect(problems('packages/a/src/x.ts', lines(sizeLimits.file - 1))).toEqual([]);
    expect(problems('packages/a/src/x.ts', lines(sizeLimits.file))).toEqual([
      'packages/a/src/x.ts:0: has 400 lines; fewer than 400 are allowed',
    ]);
    expect(problems('packages/a/src/x.test.ts', lines(sizeLimits.file))).toEqual([]);
  });

  it.each([
    ['function long() {', '}', 'long'],
    ['const long = () => {', '};', 'long'],
    ['const long = async function () {', '};', 'long'],
    ['class A { long() {', '} }', 'long'],
    ['const o = { long() {', '} };', 'long'],
    ["it('x', () => {", '});', 'a function without a name'],
  ])('counts the lines of %s', (opening, closing, name) => {
    expect(problems('x.ts', block(opening, 59, closing))).toEqual([]);
    expect(problems('x.ts', block(opening, 60, closing))).toEqual([`x.ts:1: ${name} has 60 lines; fewer than 60 are allowed`]);
  });

  it('counts an inner function for itself and for the outer one', () => {
    const inner = block('function inner() {', 60, '}');
    expect(problems('x.ts', `function outer() {\n${inner}}\n`)).toHaveLength(2);
  });

  it.each(["describe('x', () => {", "describe.skipIf(a)('x', () => {", "describe.each([1])('x', () => {"])(
    'gives %s its own limit',
    (opening) => {
      expect(problems('x.test.ts', block(opening, 149, '});'))).toEqual([]);
      expect(problems('x.test.ts', block(opening, 150, '});'))).toEqual([
        'x.test.ts:1: describe has 150 lines; fewer than 150 are allowed',
      ]);
    },
  );
});
