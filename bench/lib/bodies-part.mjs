// Part `bodies`: responses of several sizes through Mongrel2, with and without flow control.
import { fileURLToPath } from 'node:url';
import { end, startReady } from './children.mjs';
import { load } from './load.mjs';
import { startMongrel2 } from './mongrel2.mjs';
import { cpuSeconds, residentMiB } from './process-usage.mjs';
import { table } from './table.mjs';

const PROGRAM = fileURLToPath(new URL('../contenders/bodies.mjs', import.meta.url));
const SIZES = [1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];

/**
 * @typedef {object} Result
 * @property {0 | 1} flowControl
 * @property {'whole' | 'stream'} kind
 * @property {number} size bytes of a body
 * @property {number} perSecond responses
 * @property {number} mibPerSecond
 * @property {number} cpuPerMib microseconds
 * @property {number} rss MiB
 * @property {string} trouble
 */

/** Runs it. @param {import('./part-options.mjs').PartOptions} options */
export async function bodiesPart({ seconds, progress }) {
  /** @type {Result[]} */
  const rows = [];
  for (const flowControl of /** @type {const} */ ([1, 0])) {
    for (const kind of /** @type {const} */ (['whole', 'stream'])) {
      for (const size of SIZES) {
        progress(`bodies: ${kind}, ${size} bytes, download.flow_control=${flowControl}`);
        rows.push(await measure(flowControl, kind, size, seconds));
      }
    }
  }
  return rows;
}

/** @param {Result['flowControl']} flowControl @param {Result['kind']} kind @param {number} size @param {number} seconds @returns {Promise<Result>} */
async function measure(flowControl, kind, size, seconds) {
  const mongrel2 = await startMongrel2({ 'download.flow_control': flowControl });
  const handler = await startReady(process.execPath, [PROGRAM, mongrel2.sendSpec, mongrel2.recvSpec]);
  try {
    const before = cpuSeconds(handler.pid);
    const connections = size > 1_000_000 ? 2 : 8;
    const { requests, perSecond, trouble } = await load(`${mongrel2.url}${kind}/${size}`, { seconds, connections });
    const mib = (requests * size) / 1024 / 1024;
    const cpu = (cpuSeconds(handler.pid) - before) * 1e6;
    return {
      flowControl,
      kind,
      size,
      perSecond,
      mibPerSecond: (perSecond * size) / 1024 / 1024,
      cpuPerMib: cpu / mib,
      rss: residentMiB(handler.pid),
      trouble,
    };
  } finally {
    await end(handler);
    await mongrel2.stop();
  }
}

/** The result as a table. @param {readonly Result[]} rows */
export function bodiesTable(rows) {
  const header = ['flow control', 'body', 'bytes', 'responses/s', 'MiB/s', 'CPU µs/MiB', 'RSS MiB', 'errors'];
  return table(
    header,
    rows.map((row) => [
      row.flowControl === 1 ? 'on' : 'off',
      row.kind,
      row.size,
      row.perSecond.toFixed(1),
      row.mibPerSecond.toFixed(0),
      row.cpuPerMib.toFixed(0),
      row.rss.toFixed(0),
      row.trouble,
    ]),
  );
}
