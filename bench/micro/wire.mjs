// The parser and the encoder by themselves, and a whole exchange around them: no socket, no Mongrel2. CPU of this process per
// operation, the median of several rounds; all cases take turns within a round. Usage: node bench/micro/wire.mjs (after npm run build)
import {
  Connection,
  decodeMessage,
  encodeNotice,
  encodeReply,
  encodeRequest,
  HttpExchange,
  joinReply,
  M2Error,
  runConnection,
} from '@m2/core';
import { browserHeaders } from '../lib/browser-headers.mjs';
import { median } from '../lib/statistics.mjs';
import { table } from '../lib/table.mjs';

const ROUNDS = 7;
const OPERATIONS = 50_000;
const SERVER = '34f9ceee-cd52-4b7f-b197-88bf2f0ec378';
const CLIENTS = 64;
/** Replies to a client before Mongrel2's next credits notice; their bytes stay far below a connection's window. */
const REPLIES_PER_NOTICE = 100;
const EPOCH = 1;

/**
 * @typedef {object} Case
 * @property {string} name
 * @property {number} bytes of the message that is read or made
 * @property {() => number} operation does it once, and gives `bytes` to show that it was done
 */

/** A GET as Mongrel2 writes it. @param {'json' | 'tnetstring'} protocol @param {boolean} browser @param {number} id */
function get(protocol, browser, id = 1232) {
  return encodeRequest(
    {
      server: SERVER,
      id,
      path: '/',
      headers: [['x-forwarded-for', '127.0.0.1'], ...(browser ? browserHeaders : []), ['host', 'localhost:7100']],
      meta: [
        ['METHOD', 'GET'],
        ['VERSION', 'HTTP/1.1'],
        ['URI', '/'],
        ['PATTERN', '/'],
        ['URL_SCHEME', 'http'],
        ['REMOTE_ADDR', '127.0.0.1'],
      ],
      body: new Uint8Array(),
    },
    protocol,
  );
}

/** @param {'json' | 'tnetstring'} protocol @param {boolean} browser @returns {Case} */
function decoding(protocol, browser) {
  const bytes = get(protocol, browser);
  return {
    name: `decodeMessage, ${browser ? 'browser-like' : 'short'} GET, ${protocol}`,
    bytes: bytes.length,
    operation() {
      const message = decodeMessage(bytes);
      if (message instanceof M2Error) throw message;
      return message.size;
    },
  };
}

const HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\n\r\n';

/** @param {string} name @param {number | readonly number[]} ids @returns {Case} */
function encoding(name, ids) {
  const lengthOf = (/** @type {import('@m2/core').Reply} */ { head, data }) => head.length + data.length;
  return {
    name: `encodeReply, ${name}`,
    bytes: joinReply(encodeReply(EPOCH, SERVER, ids, HEAD, 'hello')).length,
    operation: () => lengthOf(encodeReply(EPOCH, SERVER, ids, HEAD, 'hello')),
  };
}

/** A transport that reads nothing and writes nothing: it keeps its receiver for the caller, and counts the bytes of replies. */
function countingTransport() {
  /** @type {{ receiver: import('@m2/core').LinkReceiver | undefined, bytes: number }} */
  const state = { receiver: undefined, bytes: 0 };
  /** @type {import('@m2/core').Transport} */
  const transport = {
    name: 'counting',
    capabilities: { protocols: ['memory'], detectsDown: false, losslessShutdown: true },
    async open(_spec, receiver) {
      state.receiver = receiver;
      return {
        send({ head, data }) {
          state.bytes += head.length + data.length;
          return true;
        },
        async drained() {},
        async shutdown() {},
        async close() {},
        counters: { received: 0, sent: 0, stale: 0, overflowed: 0, lost: 0 },
      };
    },
  };
  return { state, transport };
}

/** A whole request: read, given to a handler, answered by HttpExchange, encoded. @param {boolean} browser */
async function exchanging(browser) {
  const { state, transport } = countingTransport();
  /** @type {readonly (readonly [string, string])[]} */
  const headers = [['content-type', 'text/plain']];
  const server = await runConnection(
    // With flow control nothing waits for a timer, so that no operation leaves work behind.
    new Connection({ sendSpec: 'memory://send', recvSpec: 'memory://recv', flowControl: 'on' }),
    {
      handle(message, client) {
        if (message.kind === 'http') new HttpExchange(message, client).respond(200, headers, 'hello');
      },
    },
    transport,
  );
  const { receiver } = state;
  if (receiver === undefined) throw new Error('The connection opened no link.');
  receiver.up(EPOCH, new Uint8Array());
  // Ids of as many digits as there are: all replies are of one length.
  const requests = Array.from({ length: CLIENTS }, (_, index) => get('json', browser, 1000 + index));
  let turn = 0;
  const operation = () => {
    const before = state.bytes;
    const at = turn % CLIENTS;
    receiver.messages(requests.slice(at, at + 1), EPOCH);
    const size = state.bytes - before;
    if (Math.floor(turn++ / CLIENTS) % REPLIES_PER_NOTICE === REPLIES_PER_NOTICE - 1) {
      receiver.messages([encodeNotice(SERVER, 1000 + at, { credits: size * REPLIES_PER_NOTICE }, 'json')], EPOCH);
    }
    return size;
  };
  return {
    /** @type {Case} */
    testCase: {
      name: `a request and its answer by HttpExchange, ${browser ? 'browser-like' : 'short'} GET, json`,
      bytes: operation(),
      operation,
    },
    close: () => server.stop({ graceMs: 0 }),
  };
}

/** Nanoseconds of one operation. @param {Case} testCase */
function measure({ name, bytes, operation }) {
  let total = 0;
  const before = process.cpuUsage();
  for (let turn = 0; turn < OPERATIONS; turn++) total += operation();
  const { user, system } = process.cpuUsage(before);
  if (total !== bytes * OPERATIONS) throw new Error(`${name}: ${total} bytes in ${OPERATIONS} operations, not ${bytes} each.`);
  return ((user + system) * 1000) / OPERATIONS;
}

const exchanges = [await exchanging(false), await exchanging(true)];
/** @type {Case[]} */
const cases = [
  decoding('json', false),
  decoding('tnetstring', false),
  decoding('json', true),
  decoding('tnetstring', true),
  encoding('1 client', 1232),
  encoding(
    '128 clients',
    Array.from({ length: 128 }, (_, index) => 1000 + index),
  ),
  ...exchanges.map(({ testCase }) => testCase),
];
const measured = cases.map((testCase) => ({ testCase, times: /** @type {number[]} */ ([]) }));
for (let round = 0; round <= ROUNDS; round++) {
  for (const { testCase, times } of measured) {
    const time = measure(testCase);
    // The first round is for the compiler.
    if (round > 0) times.push(time);
  }
}
console.log(
  table(
    ['operation', 'bytes', 'ns', 'fastest', 'slowest'],
    measured.map(({ testCase, times }) => [
      testCase.name,
      testCase.bytes,
      ...[median(times), Math.min(...times), Math.max(...times)].map(Math.round),
    ]),
  ),
);
for (const { close } of exchanges) await close();
