// The list of error codes, the source and docs/errors.md say the same.
import { isCode, isTest, listFiles, readText } from './lib/files.mjs';
import { runCheck } from './lib/report.mjs';
import { parseFile, walkTree } from './lib/source.mjs';

/**
 * @typedef {import('./lib/report.mjs').Problem} Problem
 * @typedef {import('./lib/source.mjs').Node} Node
 */

const listPath = 'packages/core/src/error-codes.ts';
const docsPath = 'docs/errors.md';

/** The codes in ERROR_CODES, in order. @param {string} root */
function readCodes(root) {
  const source = parseFile(root, listPath);
  /** @type {{ code: string, line: number }[]} */
  const codes = [];
  walkTree(source.program, ({ node }) => {
    if (node.type !== 'VariableDeclarator' || node.id.name !== 'ERROR_CODES') return;
    const list = node.init.type === 'TSAsExpression' ? node.init.expression : node.init;
    for (const element of list.elements) codes.push({ code: element.value, line: source.lineOf(element.start) });
  });
  return codes;
}

/** The string literals that an expression can become. @param {Node | undefined} node @returns {Node[]} */
function literalsOf(node) {
  if (node?.type === 'Literal' && typeof node.value === 'string') return [node];
  if (node?.type === 'ConditionalExpression') return [...literalsOf(node.consequent), ...literalsOf(node.alternate)];
  if (node?.type === 'LogicalExpression') return [...literalsOf(node.left), ...literalsOf(node.right)];
  return [];
}

/** Every string of the file, and those that an M2Error is made with. @param {string} root @param {string} path */
function readFile(root, path) {
  const source = parseFile(root, path);
  /** @type {Set<string>} */
  const strings = new Set();
  /** @type {{ code: string, line: number }[]} */
  const thrown = [];
  walkTree(source.program, ({ node }) => {
    if (node.type === 'Literal' && typeof node.value === 'string') strings.add(node.value);
    if (node.type !== 'NewExpression' || node.callee.name !== 'M2Error') return;
    for (const literal of literalsOf(node.arguments[0])) thrown.push({ code: literal.value, line: source.lineOf(literal.start) });
  });
  return { strings, thrown };
}

/** @param {{ code: string, line: number }[]} codes @returns {Problem[]} */
function checkOrder(codes) {
  /** @type {Problem[]} */
  const problems = [];
  for (const [index, { code, line }] of codes.entries()) {
    const previous = codes[index - 1]?.code;
    if (!/^M2_[A-Z][A-Z0-9_]*$/.test(code))
      problems.push({ file: listPath, line, message: `${code} is no code: M2_ and capitals` });
    if (previous === code) problems.push({ file: listPath, line, message: `${code} stands there twice` });
    else if (previous !== undefined && previous > code)
      problems.push({ file: listPath, line, message: `${code} comes before ${previous} in the alphabet` });
  }
  return problems;
}

/** @param {string} root @param {Set<string>} known @returns {Problem[]} */
function checkDocs(root, known) {
  /** @type {Problem[]} */
  const problems = [];
  /** @type {Set<string>} */
  const explained = new Set();
  const lines = readText(root, docsPath).split('\n');
  for (const [index, text] of lines.entries()) {
    const code = /^### (M2_\w+)\s*$/.exec(text)?.[1];
    if (code === undefined) continue;
    const at = { file: docsPath, line: index + 1 };
    if (!known.has(code)) problems.push({ ...at, message: `explains ${code}, which is not in ${listPath}` });
    if (explained.has(code)) problems.push({ ...at, message: `explains ${code} twice` });
    const previous = [...explained].at(-1);
    if (previous !== undefined && previous > code)
      problems.push({ ...at, message: `${code} comes before ${previous} in the alphabet` });
    explained.add(code);
    const body = lines.slice(index + 1).findIndex((line) => line.startsWith('#'));
    const entry = lines
      .slice(index + 1, body === -1 ? undefined : index + 1 + body)
      .join('')
      .trim();
    if (entry === '') problems.push({ ...at, message: `${code} has a heading but no explanation` });
  }
  for (const code of known) if (!explained.has(code)) problems.push({ file: docsPath, message: `does not explain ${code}` });
  return problems;
}

/** @param {string} root @returns {Problem[]} */
export function checkErrors(root) {
  const codes = readCodes(root);
  const known = new Set(codes.map(({ code }) => code));
  const problems = [...checkOrder(codes), ...checkDocs(root, known)];
  if (codes.length === 0) problems.push({ file: listPath, message: 'has no ERROR_CODES' });
  /** @type {Set<string>} */
  const used = new Set();
  for (const path of listFiles(root).filter(
    (file) => isCode(file) && /^(?:packages|test|examples)\//.test(file) && file !== listPath,
  )) {
    const { strings, thrown } = readFile(root, path);
    for (const { code, line } of thrown)
      if (!known.has(code)) problems.push({ file: path, line, message: `${code} is not in ${listPath}` });
    if (!isTest(path) && path.includes('/src/')) for (const text of strings) used.add(text);
  }
  for (const { code, line } of codes)
    if (!used.has(code)) problems.push({ file: listPath, line, message: `nothing uses ${code}` });
  return problems;
}

await runCheck(import.meta.url, 'The error codes, the source and docs/errors.md agree.', checkErrors);
