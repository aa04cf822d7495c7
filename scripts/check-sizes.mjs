// A source file stays under 400 lines, a function under 60, a test's describe under 150: what is longer holds more than
// one idea.
import { isCode, isTest, listFiles } from './lib/files.mjs';
import { runCheck } from './lib/report.mjs';
import { parseFile, walkTree } from './lib/source.mjs';

/**
 * @typedef {import('./lib/report.mjs').Problem} Problem
 * @typedef {import('./lib/source.mjs').Node} Node
 */

/** Fewer lines than these. */
export const sizeLimits = Object.freeze({ file: 400, function: 60, describe: 150 });

const functionTypes = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression']);

/** `describe`, `describe.skipIf(…)`, `describe.each(…)` and so on. @param {Node | undefined} callee @returns {boolean} */
function isDescribe(callee) {
  if (!callee) return false;
  if (callee.type === 'Identifier') return callee.name === 'describe';
  if (callee.type === 'MemberExpression') return isDescribe(callee.object);
  return callee.type === 'CallExpression' && isDescribe(callee.callee);
}

/** @param {Node} node @param {Node | undefined} parent */
function nameOf(node, parent) {
  const named = node.id ?? parent?.key ?? parent?.id;
  return named?.name ?? 'a function without a name';
}

/** @param {string} root @param {string} path @returns {Problem[]} */
function checkFile(root, path) {
  const source = parseFile(root, path);
  /** @type {Problem[]} */
  const problems = [];
  if (!isTest(path) && source.lineCount >= sizeLimits.file) {
    problems.push({ file: path, message: `has ${source.lineCount} lines; fewer than ${sizeLimits.file} are allowed` });
  }
  walkTree(source.program, ({ node, parent }) => {
    if (!functionTypes.has(node.type)) return;
    const describes = parent?.type === 'CallExpression' && isDescribe(parent.callee);
    const limit = describes ? sizeLimits.describe : sizeLimits.function;
    const line = source.lineOf(node.start);
    const lines = source.lineOf(node.end) - line + 1;
    const name = describes ? 'describe' : nameOf(node, parent);
    if (lines >= limit)
      problems.push({ file: path, line, message: `${name} has ${lines} lines; fewer than ${limit} are allowed` });
  });
  return problems;
}

/** @param {string} root @returns {Problem[]} */
export const checkSizes = (root) =>
  listFiles(root)
    .filter(isCode)
    .flatMap((path) => checkFile(root, path));

await runCheck(import.meta.url, 'Every file and function is short enough.', checkSizes);
