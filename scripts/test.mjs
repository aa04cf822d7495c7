// `npm test`: installs and builds what is missing, then runs every check, whatever fails, and says what failed.
// `npm test -- lint types` runs only the steps of these names.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot as root } from './lib/files.mjs';
import { build, checkNode, compiler, exitWith, install, run, SetupError } from './lib/setup.mjs';
import { addTotals, countOne, countTests, totalsLine } from './lib/totals.mjs';

/** @typedef {import('./lib/totals.mjs').Totals} Totals */

const scratch = join(root, '.m2-tmp');
const testReport = join(scratch, 'vitest.json');

/** @param {readonly string[]} args */
const node = (...args) => run(process.execPath, args, { cwd: root });
/** @param {string} script */
const bin = (script) => join(root, 'node_modules', script);
/** @param {string} name */
const check = (name) => () => node(join(root, `scripts/check-${name}.mjs`));

/** Everything that `npm test` runs, in order. @type {readonly { name: string, title: string, run: () => Promise<number> }[]} */
const steps = [
  {
    name: 'lint',
    title: 'Lint and format',
    run: () => node(bin('@biomejs/biome/bin/biome'), 'check', '--error-on-warnings', '.'),
  },
  { name: 'types', title: 'Types, tests included', run: () => node(compiler(root), '-p', 'tsconfig.test.json') },
  { name: 'arrows', title: 'Arrows between packages', run: check('arrows') },
  { name: 'sizes', title: 'Sizes of files and functions', run: check('sizes') },
  { name: 'errors', title: 'Error codes', run: check('errors') },
  { name: 'words', title: 'Words', run: check('words') },
  { name: 'dependencies', title: 'Dependencies', run: check('docs-deps') },
  { name: 'examples', title: 'Examples in README and docs', run: check('examples') },
  {
    name: 'unit',
    title: 'Tests',
    run: () => node(bin('vitest/vitest.mjs'), 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${testReport}`),
  },
];

/** @param {string} title */
const heading = (title) => console.log(`\n=== ${title} ${'='.repeat(Math.max(3, 76 - title.length))}`);

/** @param {number} exitCode */
function readTests(exitCode) {
  const report = existsSync(testReport) ? JSON.parse(readFileSync(testReport, 'utf8')) : undefined;
  return countTests(report, { exitCode, root, strict: process.env.M2_E2E === 'required' });
}

/** @param {readonly string[]} names @returns {Promise<Totals[]>} */
async function runSteps(names) {
  /** @type {Totals[]} */
  const results = [];
  for (const step of steps.filter(({ name }) => names.length === 0 || names.includes(name))) {
    heading(step.title);
    const code = await step.run();
    results.push(step.name === 'unit' ? readTests(code) : countOne(step.name, code === 0));
  }
  return results;
}

/** The build, which the tests of the command line need; the other checks say more when it fails. */
async function tryBuild() {
  heading('Build');
  try {
    await build(root);
    return countOne('build', true);
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    console.error(error.message);
    return countOne('build', false);
  }
}

/** @param {Totals} totals */
function conclude(totals) {
  heading('Result');
  for (const failure of totals.failures) console.log(`failed: ${failure}`);
  const line = totalsLine(totals);
  writeFileSync(join(scratch, 'totals.txt'), `${line}\n`);
  console.log(line);
  return totals.failed === 0 ? 0 : 1;
}

await exitWith(async () => {
  const names = process.argv.slice(2);
  const unknown = names.find((wanted) => !steps.some(({ name }) => name === wanted));
  if (unknown) throw new SetupError(`There is no step ${unknown}. There are: ${steps.map(({ name }) => name).join(', ')}.`);
  rmSync(testReport, { force: true });
  rmSync(join(scratch, 'totals.txt'), { force: true });
  mkdirSync(scratch, { recursive: true });
  checkNode(process.versions.node);
  await install(root);
  const built = await tryBuild();
  return conclude(addTotals([built, ...(await runSteps(names))]));
});
