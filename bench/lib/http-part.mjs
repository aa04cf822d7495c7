// Part `http`: every contender in turn, round after round, so that what else the machine does hits all alike.
import { contenders, endContender } from '../contenders/index.mjs';
import { load } from './load.mjs';
import { startMongrel2 } from './mongrel2.mjs';
import { cpuSeconds, residentMiB } from './process-usage.mjs';
import { median } from './statistics.mjs';
import { table } from './table.mjs';

/**
 * @typedef {import('../contenders/index.mjs').Contender} Contender
 * @typedef {import('./load.mjs').Load & { cpu: number, rss: number }} Sample CPU in microseconds per request, memory in MiB
 * @typedef {'perSecond' | 'cpu' | 'p50' | 'p99' | 'rss'} Figure
 */

/**
 * The medians of one contender, and of its ratios to its control.
 * @typedef {Record<Figure, number> & { name: string, control: string | undefined, cpuRatio: number | undefined,
 *   perSecondRatio: number | undefined, trouble: string }} Row
 * @typedef {{ rows: Row[], missing: { name: string, lack: string }[] }} Result
 */

/**
 * Runs it. Gives one result per contender, and what was missing.
 * @param {import('./part-options.mjs').PartOptions} options
 * @returns {Promise<Result>}
 */
export async function httpPart({ rounds, seconds, only, progress }) {
  /** @type {Result['missing']} */
  const missing = [];
  /** @type {Map<string, Sample[]>} */
  const samples = new Map();
  /** @type {{ contender: Contender, own: Sample[] }[]} */
  const chosen = [];
  for (const contender of contenders.filter(({ name }) => only.length === 0 || only.some((part) => name.includes(part)))) {
    const lack = await contender.needs?.();
    if (lack !== undefined) {
      missing.push({ name: contender.name, lack });
      continue;
    }
    /** @type {Sample[]} */
    const own = [];
    chosen.push({ contender, own });
    samples.set(contender.name, own);
  }
  for (let round = 1; round <= rounds; round++) {
    for (const { contender, own } of chosen) {
      progress(`round ${round} of ${rounds}: ${contender.name}`);
      own.push(await measure(contender, seconds));
    }
  }
  return { rows: chosen.map(({ contender, own }) => summarise(contender, own, samples)), missing };
}

/** @param {Contender} contender @param {number} seconds @returns {Promise<Sample>} */
async function measure(contender, seconds) {
  // A Mongrel2 of its own for each: nothing that one contender left behind reaches the next.
  const mongrel2 = await startMongrel2();
  let running;
  try {
    running = await contender.start(mongrel2);
    const { pid } = running.child;
    const { browser } = contender;
    await load(running.url, { seconds: Math.max(1, Math.round(seconds / 3)), browser });
    const before = cpuSeconds(pid);
    const result = await load(running.url, { seconds, browser });
    return { ...result, cpu: ((cpuSeconds(pid) - before) * 1e6) / result.requests, rss: residentMiB(pid) };
  } finally {
    if (running !== undefined) await endContender(running);
    await mongrel2.stop();
  }
}

/** @param {Contender} contender @param {readonly Sample[]} all @param {ReadonlyMap<string, readonly Sample[]>} samples @returns {Row} */
function summarise({ name, control }, all, samples) {
  const of = (/** @type {Figure} */ field) => median(all.map((sample) => sample[field]));
  // Ratios are taken within each round, between neighbours in time, and the middle one of them is kept.
  const controls = control === undefined ? undefined : samples.get(control);
  const ratio = (/** @type {Figure} */ field) =>
    controls === undefined
      ? undefined
      : median(all.map((sample, round) => sample[field] / (controls[round]?.[field] ?? Number.NaN)));
  return {
    name,
    control,
    perSecond: of('perSecond'),
    cpu: of('cpu'),
    p50: of('p50'),
    p99: of('p99'),
    rss: of('rss'),
    cpuRatio: ratio('cpu'),
    perSecondRatio: ratio('perSecond'),
    trouble: all
      .map(({ trouble }) => trouble)
      .filter((text) => text !== '')
      .join('; '),
  };
}

/** The result as a table. @param {Result} result */
export function httpTable({ rows, missing }) {
  const number = (/** @type {number | undefined} */ value, /** @type {number} */ digits) =>
    value === undefined ? '' : value.toFixed(digits);
  const body = rows.map((row) => [
    row.name,
    number(row.perSecond, 0),
    number(row.cpu, 1),
    number(row.p50, 2),
    number(row.p99, 2),
    number(row.rss, 0),
    row.control ?? '',
    number(row.cpuRatio, 2),
    number(row.perSecondRatio, 2),
    row.trouble,
  ]);
  const header = [
    'contender',
    'requests/s',
    'CPU µs/request',
    'p50 ms',
    'p99 ms',
    'RSS MiB',
    'control',
    'CPU ratio',
    'requests/s ratio',
    'errors',
  ];
  const lacks = missing.map(({ name, lack }) => `Left out, because ${lack} is missing: ${name}.`);
  return [table(header, body), ...lacks].join('\n');
}
