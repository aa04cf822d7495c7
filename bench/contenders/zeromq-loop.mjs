// A bare zeromq.js loop, one await per message: node bench/contenders/zeromq-loop.mjs SEND_SPEC RECV_SPEC
import { Publisher, Pull } from 'zeromq';

/** @typedef {{ length: number, latin1Slice(start: number, end: number): string }} Latin1Bytes a Buffer, with a method that its types leave out */

const [sendSpec = '', recvSpec = ''] = process.argv.slice(2);
const requests = new Pull();
const replies = new Publisher({ linger: 0 });
replies.connect(recvSpec);
requests.connect(sendSpec);
const body = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello';
// A publisher cannot see its subscription: this control has to guess when it is there.
setTimeout(() => console.log('ready'), 1000);
process.once('SIGTERM', () => process.exit(0));
for await (const [received] of requests) {
  const message = /** @type {Latin1Bytes} */ (/** @type {unknown} */ (received));
  const [server, id = '', path] = message.latin1Slice(0, Math.min(80, message.length)).split(' ', 3);
  // A notice must not be answered: each answer would bounce as another one.
  if (path === '@*') continue;
  await replies.send(`${server} ${id.length}:${id}, ${body}`);
}
