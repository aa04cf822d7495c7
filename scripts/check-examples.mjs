// What README.md and docs/ show works. Each block of TypeScript or JavaScript is type-checked against the built packages,
// each block of shell is run, and a block that cannot be says why. The comments before a block steer that:
//   <!-- not run: why -->           neither checked nor run
//   <!-- run -->                    (shell) runs it in the project's folder, with its commands on the PATH
//   <!-- given: code -->            (code) what the reader has already, put before the block
//   <!-- answers: /path text -->    (code) runs it with a stand-in for Mongrel2; GET /path must answer 200 with the text
//   <!-- same as: path -->          (any language) the block is that file, word for word
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { capture } from './lib/capture.mjs';
import { listFiles, projectRoot, readText } from './lib/files.mjs';
import { blocksOf } from './lib/markdown.mjs';
import { runCheck } from './lib/report.mjs';
import { askExample } from './lib/run-example.mjs';

/**
 * @typedef {import('./lib/report.mjs').Problem} Problem
 * @typedef {import('./lib/markdown.mjs').Block & { file: string, kind: 'ts' | 'js' | 'sh' }} Example
 * @typedef {{ example: Example, source: string, offset: number, built: string }} Extracted
 */

/** @type {Readonly<Record<string, Example['kind']>>} */
const kinds = {
  ts: 'ts',
  typescript: 'ts',
  mts: 'ts',
  js: 'js',
  javascript: 'js',
  mjs: 'js',
  sh: 'sh',
  bash: 'sh',
  shell: 'sh',
  console: 'sh',
};
const deadlineMs = 120_000;

/** @param {Example} example @param {string} key */
const note = (example, key) => example.notes.find((it) => it.key === key)?.text;

/** @param {Example} example @param {string} message @param {number} [line] @returns {Problem} */
const problem = (example, message, line = example.line) => ({ file: example.file, line, message });

/** Every block of the pages. @param {string} root */
function readBlocks(root) {
  const pages = listFiles(root).filter((path) => /^(?:[A-Z]+\.md|docs\/.*\.md|packages\/[^/]+\/README\.md)$/.test(path));
  return pages.flatMap((file) => blocksOf(readText(root, file)).map((block) => ({ ...block, file })));
}

/** Blocks that claim to be a file of the project. @param {string} root @param {ReturnType<typeof readBlocks>} blocks @returns {Problem[]} */
function checkCopies(root, blocks) {
  return blocks.flatMap(({ file, line, code, notes }) => {
    const path = notes.find(({ key }) => key === 'same as')?.text;
    if (path === undefined || (existsSync(join(root, path)) && readText(root, path) === code)) return [];
    return [{ file, line, message: `differs from ${path}, which it shows` }];
  });
}

/** What is wrong with the comments of a block. @param {Example} example @returns {Problem[]} */
function checkNotes(example) {
  const known = example.kind === 'sh' ? ['not run', 'same as', 'run'] : ['not run', 'same as', 'given', 'answers'];
  const unknown = example.notes.filter(({ key }) => !known.includes(key));
  const problems = unknown.map(({ key }) => problem(example, `<!-- ${key} --> means nothing before a block of ${example.kind}`));
  if (note(example, 'not run') === '') problems.push(problem(example, 'says "not run", but not why'));
  if (example.kind === 'sh' && note(example, 'run') === undefined && note(example, 'not run') === undefined) {
    problems.push(problem(example, 'put <!-- run --> before this block, or <!-- not run: why -->'));
  }
  return problems;
}

/** @param {string} root @param {Example} example @returns {Promise<Problem[]>} */
async function runShell(root, example) {
  const env = { ...process.env, PATH: `${join(root, 'node_modules/.bin')}:${process.env.PATH}` };
  const { code, output } = await capture('bash', ['-euo', 'pipefail', '-c', example.code], { cwd: root, env, deadlineMs });
  if (code === 0) return [];
  return [
    problem(
      example,
      `${code === undefined ? `did not end within ${deadlineMs / 1000} s` : `ended with ${code}`}:\n${output.trim()}`,
    ),
  ];
}

/** Puts each block of code into a file of its own. @param {string} folder @param {readonly Example[]} examples @returns {Extracted[]} */
function extract(folder, examples) {
  return examples.map((example, index) => {
    const given = note(example, 'given');
    const prelude = given === undefined ? '' : `${given}\n`;
    const name = `${example.kind}/${index + 1}-${example.file.replace(/\W+/g, '-')}`;
    const source = join(folder, `${name}.${example.kind}`);
    mkdirSync(join(folder, example.kind), { recursive: true });
    writeFileSync(source, `${prelude}${example.code}\nexport {};\n`);
    return {
      example,
      source,
      offset: example.line - 1 - (prelude.split('\n').length - 1),
      built: join(folder, 'out', `${name.split('/')[1]}.js`),
    };
  });
}

/** Type-checks one folder and builds it to `out`. @param {string} root @param {string} folder @param {Extracted[]} files @returns {Promise<Problem[]>} */
async function compile(root, folder, files) {
  if (files.length === 0) return [];
  const js = files[0]?.example.kind === 'js';
  const config = join(folder, `tsconfig.${js ? 'js' : 'ts'}.json`);
  const compilerOptions = {
    ...{
      composite: false,
      declaration: false,
      declarationMap: false,
      sourceMap: false,
      outDir: 'out',
      rootDir: js ? 'js' : 'ts',
    },
    ...(js ? { allowJs: true, checkJs: true, noImplicitAny: false } : {}),
    typeRoots: [join(projectRoot, 'node_modules/@types')],
    // Examples name things that the reader goes on with.
    ...{ noUnusedLocals: false, noUnusedParameters: false },
  };
  const base = join(projectRoot, 'tsconfig.base.json');
  writeFileSync(config, JSON.stringify({ extends: base, compilerOptions, files: files.map(({ source }) => source) }));
  const compiler = join(projectRoot, 'node_modules/typescript/bin/tsc');
  const { code, output } = await capture(process.execPath, [compiler, '-p', config, '--pretty', 'false'], {
    cwd: root,
    env: process.env,
    deadlineMs,
  });
  if (code === 0) return [];
  const problems = [...output.matchAll(/^(\S+?)\((\d+),\d+\): error (TS\d+: .*)$/gm)].flatMap(
    ([, path = '', line, message = '']) => {
      const file = files.find(({ source }) => source === join(root, path) || source === path);
      return file ? [problem(file.example, message, Number(line) + file.offset)] : [];
    },
  );
  return problems.length > 0 ? problems : [{ file: 'docs', message: `the examples cannot be compiled:\n${output}` }];
}

/** @param {Extracted} file @returns {Promise<Problem[]>} */
async function checkAnswer({ example, built }) {
  const answers = note(example, 'answers');
  if (answers === undefined) return [];
  const [path = '/', ...words] = answers.split(' ');
  const wanted = words.join(' ');
  const { reply, output } = await askExample(built, path, 30_000);
  if (wanted !== '' && reply?.startsWith('HTTP/1.1 200 ') && reply.includes(wanted)) return [];
  const got = reply === undefined ? `nothing:\n${output.trim()}` : JSON.stringify(reply);
  return [problem(example, `GET ${path} should answer 200 with "${wanted}", but answered ${got}`)];
}

/** @param {string} root @returns {Promise<Problem[]>} */
export async function checkExamples(root) {
  const blocks = readBlocks(root);
  const examples = blocks.flatMap((block) => {
    const kind = kinds[block.language];
    return kind ? [{ ...block, kind }] : [];
  });
  const problems = [...checkCopies(root, blocks), ...examples.flatMap(checkNotes)];
  const runnable = examples.filter((example) => note(example, 'not run') === undefined);
  const folder = join(root, '.m2-tmp/examples');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const files = extract(
    folder,
    runnable.filter(({ kind }) => kind !== 'sh'),
  );
  for (const kind of ['ts', 'js'])
    problems.push(
      ...(await compile(
        root,
        folder,
        files.filter(({ example }) => example.kind === kind),
      )),
    );
  if (problems.length > 0) return problems;
  for (const file of files) problems.push(...(await checkAnswer(file)));
  for (const example of runnable.filter((it) => it.kind === 'sh')) problems.push(...(await runShell(root, example)));
  return problems;
}

await runCheck(import.meta.url, 'The examples in README and docs work.', checkExamples);
