// Processes of a benchmark: started, awaited until they say that they are ready, and ended by pid.
import { spawn } from 'node:child_process';

const READY_MS = 15_000;

/** Starts a program that prints a line with "ready" when it is. Resolves to the child. */
export async function startReady(command, args, options = {}) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  let output = '';
  await new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${command} ${args.join(' ')} was not ready in time:\n${output}`)), READY_MS);
    const look = (chunk) => {
      output += chunk;
      if (/^ready/m.test(output)) settle(resolve);
    };
    const settle = (done, value) => {
      clearTimeout(timer);
      done(value);
    };
    child.stdout.on('data', look);
    child.stderr.on('data', look);
    child.once('error', (error) => settle(reject, error));
    child.once('exit', (code) => settle(reject, new Error(`${command} ${args.join(' ')} ended with ${code}:\n${output}`)));
  });
  return child;
}

/** Ends a child and waits until it is gone. */
export async function end(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  const force = setTimeout(() => child.kill('SIGKILL'), 5000);
  child.kill('SIGTERM');
  await gone;
  clearTimeout(force);
}

/** Runs a program to its end; resolves to what it printed. */
export async function run(command, args, options = {}) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
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

/** Whether a program can be found. */
export async function has(command) {
  try {
    await run('sh', ['-c', `command -v ${command}`]);
    return true;
  } catch {
    return false;
  }
}
