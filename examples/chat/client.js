// A member by JSON socket: node examples/chat/client.js NAME [PORT]. What is typed is said.
import { connect } from 'node:net';
import { createInterface } from 'node:readline';

const [, , name = 'somebody', port = '6767'] = process.argv;
const socket = connect({ port: Number(port), host: '127.0.0.1' });

/** Without raw_payload everything comes as base64, of which four characters are three bytes; see room.js. */
let rest = '';

/** @param {string} text */
function show(text) {
  const { type, name: who, text: said, error } = JSON.parse(text);
  if (type === 'said') console.log(`${who}: ${said}`);
  else console.log(type === 'error' ? `! ${error}` : `* ${who} ${type}`);
}

/** @param {object} message */
const send = (message) => socket.write(`@chat ${JSON.stringify(message)}\0`);

let base64 = '';
let isBase64 = /** @type {boolean | undefined} */ (undefined);

socket.setEncoding('utf8');
socket.on('connect', () => send({ type: 'join', name }));
socket.on('data', (text) => {
  // JSON begins with a brace, which base64 never has.
  isBase64 ??= !String(text).startsWith('{');
  if (isBase64) {
    base64 += text;
    const whole = base64.length - (base64.length % 4);
    rest += Buffer.from(base64.slice(0, whole), 'base64').toString('utf8');
    base64 = base64.slice(whole);
  } else rest += text;
  const lines = rest.split('\n');
  rest = lines.pop() ?? '';
  for (const line of lines) show(line);
});
socket.on('error', (error) => console.error(error.message));
socket.on('close', () => process.exit());

createInterface({ input: process.stdin })
  .on('line', (text) => send({ type: 'say', text }))
  .on('close', () => socket.end());
