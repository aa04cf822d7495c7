// Started by run-example.mjs: takes the place of Mongrel2, runs the example, sends it one request and prints its reply.
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { pathToFileURL } from 'node:url';
import { decodeReply, encodeRequest } from '@m2/core';
import { zeromqTransport } from '@m2/transport-zeromq';
import { answerLine } from './run-example.mjs';

const shownAddress = 'tcp://127.0.0.1:9999';
const [, , built = '', path = '/'] = process.argv;

/** Listens for a moment; undefined where the port is taken. @param {number} port @returns {Promise<number | undefined>} */
const tryPort = (port) =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen(port, '127.0.0.1', () => {
      const address = /** @type {import('node:net').AddressInfo} */ (server.address());
      server.close(() => resolve(address.port));
    });
  });

/** A free port above a free port, as the example infers the second address. */
async function freePair() {
  for (;;) {
    const port = await tryPort(0);
    if (port !== undefined && port > 1024 && (await tryPort(port - 1)) !== undefined) return port;
  }
}

/** @param {readonly Uint8Array[]} batch */
function onReplies(batch) {
  for (const bytes of batch) {
    const reply = decodeReply(bytes);
    if (!('kind' in reply) || reply.kind !== 'data') continue;
    process.stdout.write(`${answerLine(Buffer.from(reply.data).toString('latin1'))}\n`, () => process.exit(0));
  }
}

const port = await freePair();
const sendSpec = `tcp://127.0.0.1:${port}`;
const peer = await zeromqTransport().bind(
  { sendSpec, recvSpec: `tcp://127.0.0.1:${port - 1}`, recvIdent: 'example ' },
  { replies: onReplies },
);
const meta = { METHOD: 'GET', VERSION: 'HTTP/1.1', URI: path, PATTERN: '/', URL_SCHEME: 'http', REMOTE_ADDR: '127.0.0.1' };
const message = encodeRequest(
  { server: 'example', id: 1, path, meta: Object.entries(meta), headers: [['host', 'localhost']], body: new Uint8Array() },
  'tnetstring',
);
const code = readFileSync(built, 'utf8');
if (!code.includes(shownAddress)) throw new Error(`An example that answers serves ${shownAddress}, as readers know it.`);
const runnable = built.replace(/\.js$/, '.run.js');
writeFileSync(runnable, code.replaceAll(shownAddress, sendSpec));
peer.send(message);
await import(pathToFileURL(runnable).href);
