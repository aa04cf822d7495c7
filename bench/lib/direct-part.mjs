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

/**
 * @typedef {(typeof ROWS)[number]} Row
 * @typedef {{ perSecond: number, cpu: number }} Sample messages per second, and microseconds of CPU per message
 * @typedef {{ name: string } & Sample} Result
 */

/** Runs it. @param {import('./part-options.mjs').PartOptions} options @returns {Promise<Result[]>} */
export async function directPart({ rounds, seconds, only, progress }) {
  const chosen = ROWS.filter(
    ({ app, transport }) => only.length === 0 || only.some((part) => `m2 ${app}, ${transport}`.includes(part)),
  );
  const measured = chosen.map((row) => ({ row, samples: /** @type {Sample[]} */ ([]) }));
  for (let round = 1; round <= rounds; round++) {
    for (const { row, samples } of measured) {
      progress(`direct, round ${round} of ${rounds}: m2 ${row.app}, ${row.transport}`);
      samples.push(await measure(row, seconds));
    }
  }
  return measured.map(({ row, samples }) => ({
    name: `m2 ${row.app}, ${row.transport}`,
    perSecond: median(samples.map(({ perSecond }) => perSecond)),
    cpu: median(samples.map(({ cpu }) => cpu)),
  }));
}

/** @param {Row} row @param {number} seconds @returns {Promise<Sample>} */
async function measure({ app, transport }, seconds) {
  const sendSpec = `tcp://127.0.0.1:${await freePort()}`;
  const recvSpec = `tcp://127.0.0.1:${await freePort()}`;
  const driver = run(process.execPath, [DRIVER, sendSpec, recvSpec, String(seconds)]);
  const handler = await startReady(process.execPath, [HANDLER, app, transport, sendSpec, recvSpec]);
  try {
    const before = cpuSeconds(handler.pid);
    const { messages, seconds: took } = /** @type {{ messages: number, seconds: number }} */ (JSON.parse(await driver));
    return { perSecond: messages / took, cpu: ((cpuSeconds(handler.pid) - before) * 1e6) / messages };
  } finally {
    await end(handler);
  }
}

/** The result as a table. @param {readonly Result[]} rows */
export function directTable(rows) {
  return table(
    ['handler', 'messages/s', 'CPU µs/message'],
    rows.map((row) => [row.name, row.perSecond.toFixed(0), row.cpu.toFixed(1)]),
  );
}
