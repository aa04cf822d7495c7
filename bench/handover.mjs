// How many requests are lost when one handler takes over from another under load: 50 handovers for each way of leaving, once
// through the real Mongrel2 (32 keep-alive clients), once with libzmq's PUSH socket alone at a steady rate.
// Usage: node bench/handover.mjs [messages a second for the second part, default 5000]
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { SocketSpec, silentLogger } from '@m2/core';
import { zeromqTransport } from '@m2/transport-zeromq';
import { ZmtpSocket, zmtpTransport } from '@m2/transport-zmtp';
import { Pull, XPublisher } from 'zeromq';
import { startMongrel2 } from './lib/mongrel2.mjs';

const HANDOVERS = 50;
const CLIENTS = 32;
const RATE = Number(process.argv[2] ?? 5000);
/** Messages that a handler gets before the next one comes. */
const TURN = 100;
const QUIET_MS = 1000;

/**
 * @typedef {{ sendSpec: string, recvSpec: string }} Addresses
 * @typedef {(message: Uint8Array) => string | undefined} Answer what a message is answered with, if anything
 * @typedef {(to: Addresses, answer: Answer) => Promise<() => Promise<void>>} Way comes, and gives the function that leaves
 */

/** @param {import('@m2/core').Transport} transport @returns {Way} */
const byLink =
  (transport) =>
  async ({ sendSpec, recvSpec }, answer) => {
    const spec = {
      sendSpec: SocketSpec.parse(sendSpec),
      recvSpec: SocketSpec.parse(recvSpec),
      sendQueueBytes: 1 << 24,
      lingerMs: 1000,
      logger: silentLogger,
    };
    /** @type {import('@m2/core').Link} */
    const link = await transport.open(spec, {
      messages(batch, epoch) {
        for (const message of batch) {
          const head = answer(message);
          if (head !== undefined) link.send({ epoch, head, data: '' });
        }
      },
      up() {},
      down() {},
    });
    return async () => {
      await link.shutdown();
      await link.close();
    };
  };

/** @type {Way} */
const byDisconnect = async ({ sendSpec, recvSpec }, answer) => {
  const replies = new XPublisher({ linger: 1000 });
  replies.connect(recvSpec);
  await replies.receive();
  const pull = new Pull({ linger: 0 });
  pull.connect(sendSpec);
  const reading = (async () => {
    for await (const [message] of pull) {
      const head = answer(/** @type {Uint8Array} */ (message));
      if (head !== undefined) await replies.send(Buffer.from(head, 'latin1'));
    }
  })();
  return async () => {
    pull.disconnect(sendSpec);
    await new Promise((resolve) => setTimeout(resolve, 20));
    pull.close();
    await reading.catch(() => {});
    replies.close();
  };
};

/** @type {readonly (readonly [string, Way])[]} */
const WAYS = [
  ['zmtp: half-close, read to the end', byLink(zmtpTransport())],
  ['zeromq: read until empty, close', byLink(zeromqTransport())],
  ['libzmq: disconnect', byDisconnect],
];

/** Lets one handler take over from the other; the last one goes on. @param {Way} way @param {Addresses} to @param {Answer} answer */
async function takeTurns(way, to, answer) {
  /** @type {(() => Promise<void>) | undefined} */
  let leave;
  for (let turn = 0; turn <= HANDOVERS; turn++) {
    let left = TURN;
    /** @type {(value?: unknown) => void} */
    let busy = () => {};
    const served = new Promise((resolve) => {
      busy = resolve;
    });
    const next = await way(to, (message) => {
      if (--left === 0) busy();
      return answer(message);
    });
    await served;
    await leave?.();
    leave = next;
  }
  return async () => leave?.();
}

/** The first bytes of a message. @param {Uint8Array} message @param {number} length */
const textOf = ({ buffer, byteOffset, length: all }, length) =>
  Buffer.from(buffer, byteOffset, Math.min(all, length)).toString('latin1');

/** @param {string} script @param {readonly (string | number)[]} options */
function start(script, options) {
  const child = fork(fileURLToPath(new URL(script, import.meta.url)), options.map(String));
  /** @returns {Promise<Record<string, number | string>>} */
  const told = () =>
    new Promise((resolve) => child.once('message', (message) => resolve(/** @type {Record<string, number>} */ (message))));
  return { child, told };
}

/** @param {string} name @param {Way} way */
async function throughMongrel2(name, way) {
  const mongrel2 = await startMongrel2();
  try {
    const { child, told } = start('lib/asking-clients.mjs', [new URL(mongrel2.url).port, CLIENTS]);
    const hello = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello';
    const began = performance.now();
    const leave = await takeTurns(way, mongrel2, (message) => {
      const [uuid, id = ''] = textOf(message, 80).split(' ', 2);
      // A notice that a client went away, and not a request.
      if (message.length < 250 && Buffer.from(message).includes('"disconnect"')) return undefined;
      return `${uuid} ${id.length}:${id}, ${hello}`;
    });
    const seconds = (performance.now() - began) / 1000;
    const done = told();
    child.send('stop');
    const { answered = 0, lost, broken } = await done;
    child.disconnect();
    await leave();
    return { way: name, requests: answered, 'requests/s': Math.round(Number(answered) / seconds), lost, broken };
  } finally {
    await mongrel2.stop();
  }
}

/** @param {string} name @param {Way} way */
async function fromPush(name, way) {
  const replies = new ZmtpSocket('SUB', { messages: () => {} });
  replies.subscribe('');
  const recvSpec = await replies.bind('tcp://127.0.0.1:0');
  const { child, told } = start('lib/pusher.mjs', [RATE]);
  const { address } = await told();
  /** @type {Set<number>} */
  const seen = new Set();
  let latest = performance.now();
  const leave = await takeTurns(way, { sendSpec: String(address), recvSpec }, (message) => {
    seen.add(Number.parseInt(textOf(message, 14).slice(2), 10));
    latest = performance.now();
    return undefined;
  });
  const done = told();
  child.send('stop');
  const { sent } = await done;
  latest = performance.now();
  while (performance.now() - latest < QUIET_MS) await new Promise((resolve) => setTimeout(resolve, 50));
  child.disconnect();
  await leave();
  await replies.close();
  return { way: name, messages: sent, lost: Number(sent) - seen.size };
}

console.log(`${HANDOVERS} handovers each, through the real Mongrel2, ${CLIENTS} clients`);
const rows = [];
for (const [name, way] of WAYS) rows.push(await throughMongrel2(name, way));
console.table(rows);
console.log(`${HANDOVERS} handovers each, from libzmq's PUSH at ${RATE} messages/s`);
const direct = [];
for (const [name, way] of WAYS) direct.push(await fromPush(name, way));
console.table(direct);
