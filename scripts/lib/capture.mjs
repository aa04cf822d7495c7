import { spawn } from 'node:child_process';

/**
 * Runs a program to its end or its deadline and resolves to its exit code (undefined when the deadline ended it) and all
 * that it printed. At the deadline everything that it started ends with it.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd: string, env: NodeJS.ProcessEnv, deadlineMs: number }} options
 * @returns {Promise<{ code: number | undefined, output: string }>}
 */
export function capture(command, args, { cwd, env, deadlineMs }) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    let output = '';
    let late = false;
    const collect = (/** @type {Buffer} */ bytes) => {
      output += bytes.toString('utf8');
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    const timer = setTimeout(() => {
      late = true;
      // The program leads its own process group: the minus sign means all of it.
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    }, deadlineMs);
    child.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.once('close', (code) => {
      clearTimeout(timer);
      resolve({ code: late ? undefined : (code ?? 1), output });
    });
  });
}
