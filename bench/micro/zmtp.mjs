// The zmtp transport with nothing above it: a PUSH and a PULL socket of one process, over loopback. Nanoseconds of this process per
// message, both ends and the kernel's share together. Usage: node bench/micro/zmtp.mjs (after npm run build)
import { ZmtpSocket } from '@m2/transport-zmtp';

const ROUNDS = 5;
const MESSAGES = 200_000;

/** @param {number[]} values */
const median = (values) => values.sort((a, b) => a - b)[values.length >> 1] ?? 0;

/** @param {number} size @param {number} inTick messages that are sent in one tick, and then waited for */
async function measure(size, inTick) {
  let received = 0;
  /** @type {() => void} */
  let arrived = () => {};
  const pull = new ZmtpSocket('PULL', {
    messages(batch) {
      received += batch.length;
      if (received % inTick === 0) arrived();
    },
  });
  const push = new ZmtpSocket('PUSH', { messages() {} });
  push.connect(await pull.bind('tcp://127.0.0.1:0'));
  const message = [Buffer.alloc(size, 'x')];
  const times = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const before = process.cpuUsage();
    for (let sent = 0; sent < MESSAGES; sent += inTick) {
      const all = new Promise((resolve) => {
        arrived = () => resolve(undefined);
      });
      for (let at = 0; at < inTick; at++) push.send(message);
      await all;
    }
    const { user, system } = process.cpuUsage(before);
    // The first round is for the compiler.
    if (round > 0) times.push(((user + system) * 1000) / MESSAGES);
  }
  await Promise.all([push.close(), pull.close()]);
  return Math.round(median(times));
}

/** @type {Record<string, number>[]} */
const rows = [];
for (const size of [200, 1000]) {
  rows.push({
    bytes: size,
    'ns, 1 a tick': await measure(size, 1),
    'ns, 16 a tick': await measure(size, 16),
    'ns, 400 a tick': await measure(size, 400),
  });
}
console.table(rows);
