// Plays Mongrel2's PUSH socket, on libzmq: binds, tells its address, and sends numbered messages at a rate until it is told
// to stop; then tells how many. Its parent talks to it over the IPC channel.
import { Push } from 'zeromq';

const rate = Number(process.argv[2]);
const push = new Push({ linger: 10_000 });
await push.bind('tcp://127.0.0.1:0');
process.send?.({ address: push.lastEndpoint });

let running = true;
let sent = 0;
process.on('message', () => {
  running = false;
});

const start = performance.now();
while (running) {
  const due = ((performance.now() - start) / 1000) * rate;
  while (sent < due && running)
    await push.send(
      `q ${sent++} and about as much as a short request has, all in all two hundred bytes or so ${'x'.repeat(120)}`,
    );
  await new Promise((resolve) => setImmediate(resolve));
}
process.send?.({ sent });
process.on('disconnect', () => push.close());
