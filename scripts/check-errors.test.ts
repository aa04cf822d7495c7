import { afterEach, describe, expect, it } from 'vitest';
import { checkErrors } from './check-errors.mjs';
import { makeTree, removeTrees } from './lib/test-tree.mjs';

afterEach(removeTrees);

const list = (...codes: string[]) => `export const ERROR_CODES = [${codes.map((code) => `'${code}'`).join(', ')}] as const;`;
const docs = (...codes: string[]) => `# Error codes\n\n${codes.map((code) => `### ${code}\n\nIt broke. Mend it.\n`).join('\n')}`;

const base = {
  'packages/core/src/error-codes.ts': list('M2_A', 'M2_B'),
  'packages/core/src/x.ts': "throw new M2Error(y ? 'M2_A' : 'M2_B', 'text');",
  'docs/errors.md': docs('M2_A', 'M2_B'),
};

function problems(files: Record<string, string> = {}): string {
  return checkErrors(makeTree({ ...base, ...files }))
    .map(({ file, message }) => `${file}: ${message}`)
    .join('\n');
}

describe('check-errors', () => {
  it('finds nothing wrong where all agree', () => {
    expect(problems()).toBe('');
  });

  it('wants the list sorted, unique, well-formed and not empty', () => {
    expect(problems({ 'packages/core/src/error-codes.ts': list('M2_B', 'M2_A') })).toContain('M2_A comes before M2_B');
    expect(problems({ 'packages/core/src/error-codes.ts': list('M2_A', 'M2_A', 'M2_B') })).toContain('M2_A stands there twice');
    expect(problems({ 'packages/core/src/error-codes.ts': list('M2_A', 'M2_B', 'OTHER') })).toContain('OTHER is no code');
    expect(problems({ 'packages/core/src/error-codes.ts': list() })).toContain('has no ERROR_CODES');
  });

  it('wants each code used outside tests, and no other', () => {
    expect(
      problems({ 'packages/core/src/x.ts': "throw new M2Error('M2_A', '');", 'packages/core/src/x.test.ts': "f('M2_B');" }),
    ).toContain('nothing uses M2_B');
    expect(problems({ 'packages/front/src/y.ts': "new M2Error(x ?? 'M2_C', '');" })).toContain(
      'packages/front/src/y.ts: M2_C is not in',
    );
    expect(problems({ 'test/y.ts': "new M2Error('M2_C', '');" })).toContain('test/y.ts: M2_C is not in');
  });

  it('wants one explanation of each code, and of no other', () => {
    expect(problems({ 'docs/errors.md': docs('M2_A') })).toContain('does not explain M2_B');
    expect(problems({ 'docs/errors.md': docs('M2_A', 'M2_B', 'M2_C') })).toContain('explains M2_C, which is not in');
    expect(problems({ 'docs/errors.md': docs('M2_A', 'M2_B', 'M2_B') })).toContain('explains M2_B twice');
    expect(problems({ 'docs/errors.md': docs('M2_B', 'M2_A') })).toContain('docs/errors.md: M2_A comes before M2_B');
    expect(problems({ 'docs/errors.md': '### M2_A\n\n### M2_B\n\nText.\n' })).toContain('M2_A has a heading but no explanation');
  });
});
