// Part `direct`: a handler driven by a synthetic PUSH/SUB pair in another process, without Mongrel2 in the way.
import { fileURLToPath } from 'node:url';
import { end, run, startReady } from './children.mjs';
import { freePort } from './ports.mjs';
import { cpuSeconds } from './process-usage.mjs';
import { median } from './statistics.mjs';
import { table } from './table.mjs';

const DRIVER = fileURLToPath(new URL('./direct-driver.mjs', import.meta.url));
const HANDLER = fileURLToPath(new URL('../contenders/m2.mjs', import.meta.url));
const ROWS = ['raw', 'fetch', 'hono', 'node'].flatMap((app) => ['zmtp', 'zeromq'].map((transport) => ({ app, transport })));

export async function directPart({ rounds, seconds, only, progress }) {
  const chosen = ROWS.filter(
    ({ app, transport }) => only.length === 0 || only.some((part) => `m2 ${app}, ${transport}`.includes(part)),
  );
  const samples = new Map(chosen.map((row) => [row, []]));
  for (let round = 1; round <= rounds; round++) {
    for (const row of chosen) {
      progress(`direct, round ${round} of ${rounds}: m2 ${row.app}, ${row.transport}`);
      samples.get(row).push(await measure(row, seconds));
    }
  }
  return chosen.map((row) => ({
    name: `m2 ${row.app}, ${row.transport}`,
    perSecond: median(samples.get(row).map(({ perSecond }) => perSecond)),
    cpu: median(samples.get(row).map(({ cpu }) => cpu)),
  }));
}

async function measure({ app, transport }, seconds) {
  const sendSpec = `tcp://127.0.0.1:${await freePort()}`;
  const recvSpec = `tcp://127.0.0.1:${await freePort()}`;
  const driver = run(process.execPath, [DRIVER, sendSpec, recvSpec, String(seconds)]);
  const handler = await startReady(process.execPath, [HANDLER, app, transport, sendSpec, recvSpec]);
  try {
    const before = cpuSeconds(handler.pid);
    const { messages, seconds: took } = JSON.parse(await driver);
    return { perSecond: messages / took, cpu: ((cpuSeconds(handler.pid) - before) * 1e6) / messages };
  } finally {
    await end(handler);
  }
}

export function directTable(rows) {
  return table(
    ['handler', 'messages/s', 'CPU µs/message'],
    rows.map((row) => [row.name, row.perSecond.toFixed(0), row.cpu.toFixed(1)]),
  );
}
