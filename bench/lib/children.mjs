// Processes of a benchmark: started, awaited until they say that they are ready, and ended by pid.
import { spawn } from 'node:child_process';

const READY_MS = 15_000;

/**
 * @typedef {import('node:child_process').ChildProcess & { readonly pid: number }} ReadyChild
 * @typedef {{ cwd?: string, env?: NodeJS.ProcessEnv }} Options
 */

/**
 * Starts a program that prints a line with "ready" when it is. Resolves to the child.
 * @param {string} command @param {readonly string[]} args @param {Options} options
 * @returns {Promise<ReadyChild>}
 */
export async function startReady(command, args, options = {}) {
  const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  await /** @type {Promise<void>} */ (
    new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`${command} ${args.join(' ')} was not ready in time:\n${output}`)),
        READY_MS,
      );
      const look = (/** @type {Buffer} */ chunk) => {
        output += chunk;
        if (/^ready/m.test(output)) settle(resolve);
      };
      const settle = (/** @type {() => void} */ done) => {
        clearTimeout(timer);
        done();
      };
      child.stdout.on('data', look);
      child.stderr.on('data', look);
      child.once('error', (error) => settle(() => reject(error)));
      child.once('exit', (code) =>
        settle(() => reject(new Error(`${command} ${args.join(' ')} ended with ${code}:\n${output}`))),
      );
    })
  );
  return /** @type {ReadyChild} */ (/** @type {unknown} */ (child));
}

/** Ends a child and waits until it is gone. @param {import('node:child_process').ChildProcess} child */
export async function end(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  const force = setTimeout(() => child.kill('SIGKILL'), 5000);
  child.kill('SIGTERM');
  await gone;
  clearTimeout(force);
}

/**
 * Runs a program to its end; resolves to what it printed.
 * @param {string} command @param {readonly string[]} args @param {Options} options
 */
export async function run(command, args, options = {}) {
  const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', resolve);
  });
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}:\n${stderr || stdout}`);
  return stdout;
}

/** Whether a program can be found. @param {string} command */
export async function has(command) {
  try {
    await run('sh', ['-c', `command -v ${command}`]);
    return true;
  } catch {
    return false;
  }
}
