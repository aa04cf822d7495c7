// What must have happened before anything of the project can run. Plain Node: nothing is installed yet.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';

/** The oldest Node that everything here runs on. */
export const oldestNode = Object.freeze([20, 19]);

/** A failure that needs no stack trace: the message says what to do. */
export class SetupError extends Error {}

/**
 * Throws a SetupError where Node is too old.
 * @param {string} version as in `process.versions.node`
 */
export function checkNode(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [wantedMajor = 0, wantedMinor = 0] = oldestNode;
  if (major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)) return;
  throw new SetupError(
    `m2 needs Node ${oldestNode.join('.')} or newer, but this is Node ${version}. Install a newer one (https://nodejs.org) and try again.`,
  );
}

/** @param {string} path @returns {Record<string, any> | undefined} */
function readLockedPackages(path) {
  if (!existsSync(path)) return undefined;
  try {
    return JSON.parse(readFileSync(path, 'utf8')).packages ?? {};
  } catch {
    return undefined;
  }
}

/**
 * Why `npm ci` has to run, or undefined where what is installed is what package-lock.json says. Contents are compared,
 * not times: npm writes both files in one go, and git gives every file the time of the checkout.
 * @param {string} root
 * @returns {string | undefined}
 */
export function whyInstall(root) {
  if (!existsSync(join(root, 'node_modules'))) return 'node_modules is missing';
  const installed = readLockedPackages(join(root, 'node_modules/.package-lock.json'));
  if (!installed) return 'node_modules was not made by npm';
  const wanted = readLockedPackages(join(root, 'package-lock.json'));
  if (!wanted) return undefined;
  for (const [path, entry] of Object.entries(wanted)) {
    if (!path.startsWith('node_modules/') && !path.includes('/node_modules/')) continue;
    const found = installed[path];
    // Binaries for other systems are in the lock file, but never installed here.
    if (!found && !entry.optional && !entry.peer) return `${path} is not installed`;
    if (found && found.version !== entry.version)
      return `${path} is ${found.version}, but package-lock.json says ${entry.version}`;
  }
  return undefined;
}

/**
 * Runs a program to its end with this terminal, and resolves to its exit code (128 + n when signal n ended it).
 * @param {string} command
 * @param {readonly string[]} args
 * @param {import('node:child_process').SpawnOptions} [options]
 * @returns {Promise<number>}
 */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: 'inherit', ...options });
    const release = passSignals(child);
    child.once('error', (error) => {
      release();
      reject(error);
    });
    child.once('exit', (code, signal) => {
      release();
      resolve(signal ? 128 + (constants.signals[signal] ?? 0) : (code ?? 1));
    });
  });
}

/**
 * Lets the child decide what a signal does. A Ctrl-C in a terminal goes to the child as well, so handing it on would
 * count twice, and a second one means "now". @param {import('node:child_process').ChildProcess} child
 */
function passSignals(child) {
  const onInterrupt = () => {
    if (!process.stdin.isTTY) child.kill('SIGINT');
  };
  const onTerminate = () => void child.kill('SIGTERM');
  process.on('SIGINT', onInterrupt);
  process.on('SIGTERM', onTerminate);
  return () => {
    process.off('SIGINT', onInterrupt);
    process.off('SIGTERM', onTerminate);
  };
}

/**
 * Runs npm: the one that runs this script, if one does. @param {string} root @param {readonly string[]} args
 */
function npm(root, args) {
  const current = process.env.npm_execpath;
  if (current?.endsWith('.js')) return run(process.execPath, [current, ...args], { cwd: root });
  return run('npm', args, { cwd: root, shell: process.platform === 'win32' });
}

/** Installs what package-lock.json says, when it is not there yet. @param {string} root */
export async function install(root) {
  const reason = whyInstall(root);
  if (reason === undefined) return;
  console.log(`Installing dependencies with npm ci: ${reason}.`);
  const code = await npm(root, ['ci', '--include=dev', '--no-audit', '--no-fund']);
  if (code === 0) return;
  throw new SetupError(
    `npm ci failed with exit code ${code}; its own words are above. Most often the package registry could not be reached (check network and proxy settings), or the disk is full. Mend that and run the same command again.`,
  );
}

/** The compiler's entry. @param {string} root */
export const compiler = (root) => join(root, 'node_modules/typescript/bin/tsc');

/** Builds every package. @param {string} root */
export async function build(root) {
  console.log('Building the packages with tsc -b.');
  const code = await run(process.execPath, [compiler(root), '-b'], { cwd: root });
  if (code !== 0) throw new SetupError(`The build failed with exit code ${code}: the compiler's messages are above.`);
}

/**
 * Runs `main` and exits with the code that it resolves to; a SetupError is printed without a stack and gives 1.
 * @param {() => Promise<number>} main
 */
export async function exitWith(main) {
  try {
    process.exitCode = await main();
  } catch (error) {
    console.error(error instanceof SetupError ? error.message : error);
    process.exitCode = 1;
  }
}
