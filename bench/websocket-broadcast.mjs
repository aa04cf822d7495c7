// A broadcast to 10,000 WebSocket peers: `publish` of m2 beside the usual loop over the clients of the `ws` library, in turn,
// in one process and run. `node bench/websocket-broadcast.mjs [--peers=N] [--bytes=N] [--rounds=N] [--json]`
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { asyncBackend } from '@m2/backend-async';
import { serve } from '@m2/core';
import { webSocketHandler } from '@m2/gateway';
import { zmtpTransport } from '@m2/transport-zmtp';
import { WebSocketServer } from 'ws';
import { end } from './lib/children.mjs';
import { freePort } from './lib/ports.mjs';
import { median } from './lib/statistics.mjs';
import { table } from './lib/table.mjs';

const CLIENTS = fileURLToPath(new URL('./lib/broadcast-clients.mjs', import.meta.url));
const WARM_UP = 3;

const { values } = parseArgs({
  options: {
    peers: { type: 'string', default: '10000' },
    bytes: { type: 'string', default: '64' },
    rounds: { type: 'string', default: '20' },
    json: { type: 'boolean', default: false },
  },
});
const peers = Number(values.peers);
const bytes = Number(values.bytes);
const rounds = Number(values.rounds);
const text = 'm2'.repeat(bytes).slice(0, bytes);
const frameBytes = bytes + (bytes < 126 ? 2 : bytes < 65_536 ? 4 : 10);

/** @typedef {{ cpu: number, held: number, wall: number }} Sample */

/** Starts the other side and waits until all its clients are connected. @param {string} kind @param {(string | number)[]} addresses */
async function clients(kind, ...addresses) {
  const child = fork(CLIENTS, [kind, peers, frameBytes, ...addresses].map(String));
  const failed = once(child, 'exit').then(([code]) => Promise.reject(new Error(`The clients of ${kind} ended with ${code}.`)));
  failed.catch(() => {});
  const [word] = await Promise.race([once(child, 'message'), failed]);
  if (word !== 'ready') throw new Error(`The clients of ${kind} said ${word}.`);
  return {
    child,
    /** Runs a broadcast and waits until everyone has it. @param {() => void} broadcast @returns {Promise<Sample>} */
    async measure(broadcast) {
      const all = once(child, 'message');
      const cpu = process.cpuUsage();
      const start = performance.now();
      broadcast();
      const held = performance.now() - start;
      await Promise.race([all, failed]);
      const wall = performance.now() - start;
      const { user, system } = process.cpuUsage(cpu);
      return { cpu: (user + system) / 1000, held, wall };
    },
  };
}

const [sendSpec, recvSpec] = [`tcp://127.0.0.1:${await freePort()}`, `tcp://127.0.0.1:${await freePort()}`];
const handler = webSocketHandler({ open: (peer) => peer.subscribe('all') }, { heartbeatMs: 0 });
const server = await serve(handler, { sendSpec, recvSpec }, { backend: asyncBackend({ transport: zmtpTransport() }) });
const library = new WebSocketServer({ port: 0, host: '127.0.0.1', clientTracking: true });
await once(library, 'listening');

const m2 = await clients('mongrel2', sendSpec, recvSpec);
const ws = await clients('sockets', /** @type {import('node:net').AddressInfo} */ (library.address()).port);
const contenders = [
  { name: 'm2 publish()', side: m2, samples: /** @type {Sample[]} */ ([]), broadcast: () => void handler.publish('all', text) },
  {
    name: 'ws, loop over clients',
    side: ws,
    samples: /** @type {Sample[]} */ ([]),
    broadcast() {
      for (const client of library.clients) client.send(text);
    },
  },
];
for (let round = -WARM_UP; round < rounds; round++) {
  for (const { side, samples, broadcast } of contenders) {
    const sample = await side.measure(broadcast);
    if (round >= 0) samples.push(sample);
  }
}
for (const { side } of contenders) await end(side.child);
await server.stop({ graceMs: 0 });
for (const client of library.clients) client.terminate();
library.close();

const rows = contenders.map(({ name, samples }) => ({
  name,
  cpu: median(samples.map(({ cpu }) => cpu)),
  held: median(samples.map(({ held }) => held)),
  wall: median(samples.map(({ wall }) => wall)),
}));
const [own = 0, control = 0] = rows.map(({ cpu }) => cpu);
const ratio = control / own;
if (values.json) console.log(JSON.stringify({ node: process.version, peers, bytes, rounds, rows, ratio }, undefined, 2));
else {
  console.log(`A text of ${bytes} bytes to ${peers} peers, median of ${rounds} broadcasts, Node ${process.version}\n`);
  console.log(
    table(
      ['broadcast', 'CPU ms', 'loop held ms', 'until all have it ms', 'CPU of ws / own'],
      rows.map(({ name, cpu, held, wall }) => [
        name,
        cpu.toFixed(1),
        held.toFixed(1),
        wall.toFixed(1),
        (control / cpu).toFixed(1),
      ]),
    ),
  );
  console.log('\nCPU is that of the app process. With m2 it is Mongrel2 that writes to the sockets, which is not in its row.');
}
