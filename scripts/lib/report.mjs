import { pathToFileURL } from 'node:url';
import { projectRoot } from './files.mjs';

/**
 * One thing that is wrong and where.
 * @typedef {{ file: string, line?: number, message: string }} Problem
 */

/** @param {Problem} problem */
export const formatProblem = ({ file, line, message }) => `${file}${line === undefined ? '' : `:${line}`}: ${message}`;

/**
 * When `moduleUrl` is the file that was started: runs the check on this checkout, or on the folder named as the first
 * argument, prints what is wrong, and sets the exit code.
 * @param {string} moduleUrl
 * @param {string} passed what to say when nothing is wrong
 * @param {(root: string) => Problem[] | Promise<Problem[]>} check
 */
export async function runCheck(moduleUrl, passed, check) {
  const started = process.argv[1];
  if (started === undefined || moduleUrl !== pathToFileURL(started).href) return;
  const problems = await check(process.argv[2] ?? projectRoot);
  for (const problem of problems) console.log(formatProblem(problem));
  console.log(problems.length === 0 ? passed : `${problems.length} ${problems.length === 1 ? 'problem' : 'problems'}`);
  process.exitCode = problems.length === 0 ? 0 : 1;
}
