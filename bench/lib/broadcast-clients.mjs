// The other side of websocket-broadcast: for `mongrel2`, a synthetic Mongrel2 whose clients are only ids; for `sockets`, that
// many TCP connections. Says when it is ready, and when all clients have a broadcast.
import { connect } from 'node:net';
import { decodeReply, encodeRequest, M2Error } from '@m2/core';
import { zmtpTransport } from '@m2/transport-zmtp';

/** @type {[string, string][]} */
const HANDSHAKE = [
  ['host', 'localhost'],
  ['connection', 'Upgrade'],
  ['upgrade', 'websocket'],
  ['sec-websocket-version', '13'],
  ['sec-websocket-key', 'dGhlIHNhbXBsZSBub25jZQ=='],
];
const [kind, peersText, bytesText, one = '', two = ''] = process.argv.slice(2);
const peers = Number(peersText);
const frameBytes = Number(bytesText);

/** Counts what arrives; tells when `peers` frames have, again and again. */
function counter() {
  let left = peers * frameBytes;
  return (/** @type {number} */ bytes) => {
    left -= bytes;
    if (left > 0) return;
    if (left < 0) throw new Error(`${-left} bytes too many came.`);
    left = peers * frameBytes;
    process.send?.('all');
  };
}

/** @param {string} sendSpec @param {string} recvSpec */
async function mongrel2(sendSpec, recvSpec) {
  const count = counter();
  let opened = 0;
  /** @type {[string, string][]} */
  const meta = [
    ['METHOD', 'WEBSOCKET_HANDSHAKE'],
    ['VERSION', 'HTTP/1.1'],
    ['URI', '/'],
    ['PATTERN', '/'],
    ['URL_SCHEME', 'http'],
    ['REMOTE_ADDR', '127.0.0.1'],
  ];
  const handshake = (/** @type {number} */ id) =>
    encodeRequest(
      { server: 'bench', id, path: '/', headers: HANDSHAKE, meta, body: Buffer.from('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=') },
      'json',
    );
  const link = await zmtpTransport().bind(
    { sendSpec, recvSpec, recvIdent: 'bench ' },
    {
      replies(batch) {
        for (const bytes of batch) {
          const reply = decodeReply(bytes);
          if (reply instanceof M2Error) throw reply;
          if (reply.kind !== 'data') continue;
          if (opened === peers) count(reply.ids.length * reply.data.length);
          else if (++opened === peers) process.send?.('ready');
          // A hundred at a time: each answer makes room for another.
          else if (opened + 100 <= peers) link.send(handshake(opened + 100));
        }
      },
    },
  );
  for (let id = 1; id <= Math.min(100, peers); id++) link.send(handshake(id));
}

/** @param {string} port */
async function sockets(port) {
  const count = counter();
  const lines = HANDSHAKE.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  for (let n = 0; n < peers; n++) {
    await /** @type {Promise<void>} */ (
      new Promise((resolve, reject) => {
        const socket = connect(Number(port), '127.0.0.1', () => socket.write(`GET / HTTP/1.1\r\n${lines}\r\n`));
        socket.once('error', reject);
        socket.once('data', () => {
          socket.on('data', (bytes) => count(bytes.length));
          resolve();
        });
      })
    );
  }
  process.send?.('ready');
}

process.once('disconnect', () => process.exit(0));
await (kind === 'mongrel2' ? mongrel2(one, two) : sockets(one));
