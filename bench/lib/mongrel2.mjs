// The real Mongrel2 in a folder of its own, with one handler on every path.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { end, run } from './children.mjs';
import { freePort, listening } from './ports.mjs';

/** @typedef {Readonly<Record<string, string | number>>} Settings Mongrel2's own */

/**
 * @typedef {object} Mongrel2
 * @property {string} url
 * @property {string} sendSpec
 * @property {string} recvSpec
 * @property {number | undefined} pid
 * @property {() => Promise<void>} stop
 */

/** Starts it. Resolves to its addresses and `stop()`. @param {Settings} settings @returns {Promise<Mongrel2>} */
export async function startMongrel2(settings = {}) {
  const root = mkdtempSync(join(tmpdir(), 'm2-bench-'));
  for (const folder of ['run', 'logs', 'tmp']) mkdirSync(join(root, folder));
  const [port, send, recv] = [await freePort(), await freePort(), await freePort()];
  const sendSpec = `tcp://127.0.0.1:${send}`;
  const recvSpec = `tcp://127.0.0.1:${recv}`;
  writeFileSync(join(root, 'mongrel2.conf'), configuration(port, sendSpec, recvSpec, settings));
  const env = { ...process.env, LOGNAME: process.env.LOGNAME ?? 'bench' };
  await run('m2sh', ['load', '-config', 'mongrel2.conf', '-db', 'config.sqlite'], { cwd: root, env });
  const child = spawn('mongrel2', ['config.sqlite', 'bench'], { cwd: root, env, stdio: 'ignore' });
  await listening(port);
  return {
    url: `http://127.0.0.1:${port}/`,
    sendSpec,
    recvSpec,
    pid: child.pid,
    async stop() {
      await end(child);
      rmSync(root, { recursive: true, force: true });
    },
  };
}

/** @param {number} port @param {string} sendSpec @param {string} recvSpec @param {Settings} settings */
function configuration(port, sendSpec, recvSpec, settings) {
  const all = { 'server.daemonize': 0, ...settings };
  const lines = Object.entries(all).map(([key, value]) => `'${key}': ${typeof value === 'number' ? value : `'${value}'`}`);
  return `app = Handler(send_spec='${sendSpec}', send_ident='bench', recv_spec='${recvSpec}', recv_ident='bench ')
main = Server(uuid='bench', name='bench', default_host='localhost', bind_addr='127.0.0.1', port=${port}, chroot='./',
    access_log='/logs/access.log', error_log='/logs/error.log', pid_file='/run/mongrel2.pid',
    hosts=[Host(name='localhost', routes={'/': app})])
settings = {${lines.join(', ')}}
servers = [main]
`;
}
