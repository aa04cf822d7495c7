// Every contender of the `http` part: how it is started, and which control it is measured against.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { end, has, run, startReady } from '../lib/children.mjs';
import { freePort, listening } from '../lib/ports.mjs';

/**
 * @typedef {import('../lib/mongrel2.mjs').Mongrel2} Mongrel2
 * @typedef {import('../lib/children.mjs').ReadyChild} ReadyChild
 */

/**
 * A contender that runs.
 * @typedef {object} Running
 * @property {ReadyChild} child the process whose CPU and memory count
 * @property {import('node:child_process').ChildProcess} [also] what stands in front of it
 * @property {string} url
 */

/**
 * @typedef {object} Contender
 * @property {string} name
 * @property {string} [control] the name of the contender that it is measured against
 * @property {boolean} [browser] whether its load is browser-like requests
 * @property {() => Promise<string | undefined>} [needs] tells what is missing to run it
 * @property {(mongrel2: Mongrel2) => Promise<Running>} start
 */

/** @param {string} name */
const program = (name) => fileURLToPath(new URL(name, import.meta.url));

/**
 * m2 behind Mongrel2.
 * @param {string} app @param {'zmtp' | 'zeromq'} transport @param {string} control @param {{ browser?: boolean }} more
 * @returns {Contender}
 */
function m2(app, transport, control, more = {}) {
  return {
    name: `m2 ${app}, ${transport}${more.browser ? ', browser-like request' : ''}`,
    control,
    ...more,
    start: async (mongrel2) => ({
      child: await startReady(process.execPath, [program('m2.mjs'), app, transport, mongrel2.sendSpec, mongrel2.recvSpec]),
      url: mongrel2.url,
    }),
  };
}

/**
 * Something else behind Mongrel2.
 * @param {string} name @param {Contender['needs']} needs @param {() => Promise<[string, ...string[]]>} command
 * @returns {Contender}
 */
function handler(name, needs, command) {
  return {
    name,
    needs,
    start: async (mongrel2) => {
      const [file, ...args] = await command();
      return { child: await startReady(file, [...args, mongrel2.sendSpec, mongrel2.recvSpec]), url: mongrel2.url };
    },
  };
}

/**
 * An app on node:http, with nothing in front.
 * @param {string} app @param {string} label
 * @returns {{ name: string, start: () => Promise<Running> }}
 */
function http(app, label) {
  return {
    name: label,
    start: async () => {
      const port = await freePort();
      return {
        child: await startReady(process.execPath, [program('http.mjs'), app, String(port)]),
        url: `http://127.0.0.1:${port}/`,
      };
    },
  };
}

/**
 * The same behind nginx as a reverse proxy; CPU is that of the node process alone.
 * @param {string} app @param {string} label
 * @returns {Contender}
 */
function behindNginx(app, label) {
  const direct = http(app, label);
  return {
    name: `${label} behind nginx`,
    needs: async () => ((await has('nginx')) ? undefined : 'nginx'),
    start: async () => {
      const { child, url } = await direct.start();
      const nginx = await startNginx(url);
      return { child, url: nginx.url, also: nginx.child };
    },
  };
}

/** @param {string} upstream */
async function startNginx(upstream) {
  const folder = mkdtempSync(join(tmpdir(), 'm2-nginx-'));
  const port = await freePort();
  const address = new URL(upstream).host;
  writeFileSync(
    join(folder, 'nginx.conf'),
    `daemon off; worker_processes 1; pid ${folder}/nginx.pid; error_log ${folder}/error.log;
events { worker_connections 1024; }
http { access_log off; client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi; uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
  upstream app { server ${address}; keepalive 64; }
  server { listen 127.0.0.1:${port}; location / { proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host; } } }
`,
  );
  const { spawn } = await import('node:child_process');
  const child = spawn('nginx', ['-p', folder, '-c', join(folder, 'nginx.conf')], { stdio: 'ignore' });
  await listening(port);
  return { child, url: `http://127.0.0.1:${port}/` };
}

/** @type {Promise<string> | undefined} */
let compiled;

/** Compiles the C handler on the spot. Resolves to its path. */
async function compileC() {
  compiled ??= (async () => {
    const output = join(mkdtempSync(join(tmpdir(), 'm2-bench-c-')), 'handler');
    await run('cc', ['-O2', '-o', output, program('handler.c'), '-lzmq']);
    return output;
  })();
  return compiled;
}

const needsC = async () => {
  if (!(await has('cc'))) return 'cc';
  return compileC().then(
    () => undefined,
    () => 'libzmq3-dev',
  );
};

/** Debian's python3-zmq belongs to Debian's own python3, whichever python comes first on the path. */
const PYTHON = '/usr/bin/python3';
const needsPyzmq = () =>
  run(PYTHON, ['-c', 'import zmq']).then(
    () => undefined,
    () => 'python3-zmq',
  );

const C = 'C handler on libzmq';
const NODE = 'node:http';
const HONO = '@hono/node-server';
const EXPRESS = 'Express on node:http';
const FASTIFY = 'Fastify on node:http';

/** Ends a contender's processes. @param {Running} running */
export async function endContender({ child, also }) {
  await end(child);
  if (also !== undefined) await end(also);
}

/** All rows, controls first. @type {readonly Contender[]} */
export const contenders = [
  handler(C, needsC, async () => [await compileC()]),
  handler('bare pyzmq loop', needsPyzmq, async () => [PYTHON, program('handler.py')]),
  handler('bare zeromq.js loop', undefined, async () => [process.execPath, program('zeromq-loop.mjs')]),
  http('node', NODE),
  http('hono', HONO),
  http('express', EXPRESS),
  http('fastify', FASTIFY),
  behindNginx('node', NODE),
  behindNginx('express', EXPRESS),
  m2('raw', 'zmtp', C),
  m2('raw', 'zmtp', 'm2 raw, zmtp', { browser: true }),
  m2('raw', 'zeromq', C),
  m2('fetch', 'zmtp', HONO),
  m2('fetch', 'zeromq', HONO),
  m2('hono', 'zmtp', HONO),
  m2('hono', 'zeromq', HONO),
  m2('node', 'zmtp', NODE),
  m2('node', 'zeromq', NODE),
  m2('express', 'zmtp', EXPRESS),
  m2('express', 'zeromq', EXPRESS),
  m2('fastify', 'zmtp', FASTIFY),
  m2('fastify', 'zeromq', FASTIFY),
];
