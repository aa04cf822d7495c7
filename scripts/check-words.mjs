// Nothing in the project names package hosts, paths of one machine, or papers that a reader does not have.
import { listFiles, readText } from './lib/files.mjs';
import { runCheck } from './lib/report.mjs';

/** @typedef {import('./lib/report.mjs').Problem} Problem */

/**
 * What may not be written, why, and in which files (everywhere unless told).
 * @type {readonly { pattern: RegExp, why: string, files?: RegExp }[]}
 */
const forbidden = [
  { pattern: /\/\/[a-z0-9.-]*\b(?:registry|artifactory|nexus)\b[^\s/]*/i, why: 'names a package host' },
  { pattern: /\bregistry\.(?:npmjs|yarnpkg)\b/i, why: 'names a package host' },
  { pattern: /(?<![\w.])\/(?:work|root)\//, why: 'is a path of one machine' },
  { pattern: /(?<![\w.])\/home\/(?!m2\b)\w+/, why: 'is a path of one machine' },
  { pattern: /(?<![\w.])\/tmp\//, why: 'is a path of one machine', files: /\.md$/ },
  { pattern: /\.\.\/shared\b|(?<![\w/-])shared\/[A-Z]/, why: 'is not in this project' },
  {
    pattern: /(?<![\w/])(?:DESIGN|PROTOCOL|PEERS|COMPAT|ZEROMQ|STYLE|UX)\.md\b/,
    why: 'is not in this project: cite ARCHITECTURE.md or "protocol N.N" (docs/protocol.md)',
  },
  {
    pattern: /\bsub-?agents?\b|\bcoding assistants?\b|\blanguage models?\b|\bLLMs?\b|\bAI[- ](?:generated|assisted|written)\b/i,
    why: 'tells how the project is made, not what it is',
  },
  { pattern: /\bissue \d+,? point \d+/i, why: 'tells how the project is made, not what it is' },
];

// Words must be written down somewhere to be looked for.
const exempt = /^(?:scripts\/check-words\.(?:mjs|test\.ts)|package-lock\.json)$/;
const binary = /\.(?:bin|png|jpe?g|gif|ico|gz|tgz|sqlite|pem|der|wasm)$/;

/** @param {string} file @param {string} text @returns {Problem[]} */
function checkText(file, text) {
  /** @type {Problem[]} */
  const problems = [];
  const rules = forbidden.filter(({ files }) => !files || files.test(file));
  for (const [index, line] of text.split('\n').entries()) {
    for (const { pattern, why } of rules) {
      const match = pattern.exec(line);
      if (match) problems.push({ file, line: index + 1, message: `"${match[0]}" ${why}` });
    }
  }
  return problems;
}

/** @param {string} root @returns {Problem[]} */
export const checkWords = (root) =>
  listFiles(root)
    .filter((path) => !exempt.test(path) && !binary.test(path))
    .flatMap((path) => checkText(path, readText(root, path)));

await runCheck(import.meta.url, 'No forbidden words.', checkWords);
