/**
 * What one or more checks came to. `failures` names what failed.
 * @typedef {{ passed: number, failed: number, skipped: number, failures: string[] }} Totals
 * @typedef {{ status: string, fullName: string }} Assertion
 * @typedef {{ name: string, status: string, assertionResults: Assertion[] }} TestFile
 */

/** @returns {Totals} */
export const noTotals = () => ({ passed: 0, failed: 0, skipped: 0, failures: [] });

/** A check that counts as one. @param {string} name @param {boolean} ok @returns {Totals} */
export const countOne = (name, ok) => ({ ...noTotals(), passed: ok ? 1 : 0, failed: ok ? 0 : 1, failures: ok ? [] : [name] });

/** @param {readonly Totals[]} all @returns {Totals} */
export const addTotals = (all) => ({
  passed: all.reduce((sum, { passed }) => sum + passed, 0),
  failed: all.reduce((sum, { failed }) => sum + failed, 0),
  skipped: all.reduce((sum, { skipped }) => sum + skipped, 0),
  failures: all.flatMap(({ failures }) => failures),
});

/** @param {Totals} totals @param {string} name */
function fail(totals, name) {
  totals.failed += 1;
  totals.failures.push(name);
}

/** @param {Totals} totals @param {TestFile} file @param {string} root @param {boolean} strict */
function countFile(totals, file, root, strict) {
  const path = file.name.startsWith(root) ? file.name.slice(root.length).replace(/^[\\/]/, '') : file.name;
  const before = totals.failed;
  for (const { status, fullName } of file.assertionResults) {
    if (status === 'passed') totals.passed += 1;
    else if (status === 'failed') fail(totals, `${path}: ${fullName}`);
    else if (strict) fail(totals, `${path}: ${fullName} (not run: ${status})`);
    else totals.skipped += 1;
  }
  // A file that cannot be loaded, or whose hooks fail, has no failed test of its own.
  if (file.status === 'failed' && totals.failed === before) fail(totals, path);
}

/**
 * Counts the tests in vitest's JSON report. A run that failed for another reason than a test (an error nobody caught,
 * no test found, no report) counts as one failure.
 * @param {{ testResults?: TestFile[] } | undefined} report
 * @param {{ exitCode: number, root: string, strict: boolean }} run `strict`: a test that was not run is a failure
 * @returns {Totals}
 */
export function countTests(report, { exitCode, root, strict }) {
  const totals = noTotals();
  for (const file of report?.testResults ?? []) countFile(totals, file, root, strict);
  if (totals.passed + totals.failed === 0) fail(totals, 'tests: none ran');
  else if (exitCode !== 0 && totals.failed === 0) fail(totals, `tests: vitest ended with exit code ${exitCode}`);
  return totals;
}

/** The line that CI reads. @param {Totals} totals */
export const totalsLine = ({ passed, failed, skipped }) =>
  `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
