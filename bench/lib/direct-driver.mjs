// Mongrel2's side of part `direct`: keeps 256 requests under way and counts the answers. Prints JSON.
import { encodeRequest } from '@m2/core';
import { zmtpTransport } from '@m2/transport-zmtp';

const UNDER_WAY = 256;
const [sendSpec = '', recvSpec = '', seconds] = process.argv.slice(2);
let answered = 0;
let id = 0;
let running = false;

const request = () =>
  encodeRequest(
    {
      server: 'bench',
      id: ++id,
      path: '/',
      headers: [
        ['x-forwarded-for', '127.0.0.1'],
        ['host', 'localhost'],
      ],
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
    'json',
  );

const peer = await zmtpTransport().bind(
  { sendSpec, recvSpec, recvIdent: 'bench ' },
  {
    replies(batch) {
      answered += batch.length;
      if (running) for (let n = 0; n < batch.length; n++) peer.send(request());
    },
  },
);
running = true;
for (let n = 0; n < UNDER_WAY; n++) peer.send(request());
// The first answer shows that the handler is there; a second later it is warm.
while (answered === 0) await new Promise((resolve) => setTimeout(resolve, 10));
await new Promise((resolve) => setTimeout(resolve, 1000));
const before = answered;
const start = performance.now();
await new Promise((resolve) => setTimeout(resolve, Number(seconds) * 1000));
console.log(JSON.stringify({ messages: answered - before, seconds: (performance.now() - start) / 1000 }));
running = false;
await peer.close();
