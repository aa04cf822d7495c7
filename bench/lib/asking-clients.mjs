// Keep-alive HTTP clients, one process of them: each asks, waits for the whole answer, and asks again. A request that is not
// answered in time is counted as lost, and its connection made anew. Stops at any message from its parent and tells the counts.
import { connect } from 'node:net';

const [port, clients] = process.argv.slice(2).map(Number);
const LOST_AFTER_MS = 2000;
const question = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n';
const counts = { answered: 0, lost: 0, broken: 0 };
let running = true;
let open = clients ?? 0;

function client() {
  const socket = connect(Number(port), '127.0.0.1');
  let got = '';
  /** @type {NodeJS.Timeout | undefined} */
  let timer;
  const again = () => {
    clearTimeout(timer);
    socket.destroy();
    if (running) return client();
    if (--open === 0) process.send?.(counts);
  };
  const ask = () => {
    if (!running) return again();
    got = '';
    timer = setTimeout(() => {
      counts.lost++;
      again();
    }, LOST_AFTER_MS);
    socket.write(question);
  };
  socket.on('connect', ask);
  socket.on('data', (bytes) => {
    got += bytes.toString('latin1');
    if (!got.endsWith('\r\n\r\nhello')) return;
    clearTimeout(timer);
    counts.answered++;
    ask();
  });
  socket.on('error', () => {
    counts.broken++;
    again();
  });
}

for (let made = 0; made < open; made++) client();
process.on('message', () => {
  running = false;
});
process.on('disconnect', () => process.exit());
