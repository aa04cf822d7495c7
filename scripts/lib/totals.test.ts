import { describe, expect, it } from 'vitest';
import { addTotals, countOne, countTests, totalsLine } from './totals.mjs';

const file = (status: string, ...assertions: [string, string][]) => ({
  name: '/m2/test/x.test.ts',
  status,
  assertionResults: assertions.map(([fullName, state]) => ({ fullName, status: state })),
});
const run = { exitCode: 0, root: '/m2', strict: false };

describe('countTests', () => {
  it('counts tests by what became of them', () => {
    const report = { testResults: [file('failed', ['a', 'passed'], ['b', 'failed'], ['c', 'skipped'], ['d', 'todo'])] };
    expect(countTests(report, { ...run, exitCode: 1 })).toEqual({
      passed: 1,
      failed: 1,
      skipped: 2,
      failures: ['test/x.test.ts: b'],
    });
  });

  it('counts what was not run as failed where everything must run', () => {
    const report = { testResults: [file('passed', ['a', 'passed'], ['c', 'skipped'])] };
    const totals = countTests(report, { ...run, strict: true });
    expect(totals).toEqual({ passed: 1, failed: 1, skipped: 0, failures: ['test/x.test.ts: c (not run: skipped)'] });
  });

  it('counts a file that cannot be loaded', () => {
    const report = { testResults: [file('failed'), file('passed', ['a', 'passed'])] };
    expect(countTests(report, { ...run, exitCode: 1 })).toMatchObject({ passed: 1, failed: 1, failures: ['test/x.test.ts'] });
  });

  it('counts a run that failed apart from its tests, and one without tests', () => {
    const report = { testResults: [file('passed', ['a', 'passed'])] };
    expect(countTests(report, { ...run, exitCode: 1 })).toMatchObject({ passed: 1, failed: 1 });
    expect(countTests(undefined, run)).toMatchObject({ failed: 1, failures: ['tests: none ran'] });
    expect(countTests({ testResults: [file('passed', ['a', 'skipped'])] }, run)).toMatchObject({ failed: 1, skipped: 1 });
  });
});

describe('totals', () => {
  it('add up and make the line that CI reads', () => {
    const totals = addTotals([
      countOne('lint', true),
      countOne('types', false),
      { passed: 4, failed: 1, skipped: 0, failures: ['x'] },
    ]);
    expect(totals).toEqual({ passed: 5, failed: 2, skipped: 0, failures: ['types', 'x'] });
    expect(totalsLine(totals)).toBe('5 passed, 2 failed');
    expect(totalsLine({ ...totals, skipped: 3 })).toBe('5 passed, 2 failed, 3 skipped');
  });
});
