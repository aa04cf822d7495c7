// Part `http`: every contender in turn, round after round, so that what else the machine does hits all alike.
import { contenders, endContender } from '../contenders/index.mjs';
import { load } from './load.mjs';
import { startMongrel2 } from './mongrel2.mjs';
import { cpuSeconds, residentMiB } from './process-usage.mjs';
import { median } from './statistics.mjs';
import { table } from './table.mjs';

/** Runs it. Gives one result per contender, and what was missing. */
export async function httpPart({ rounds, seconds, only, progress }) {
  const missing = [];
  const chosen = [];
  for (const contender of contenders.filter(({ name }) => only.length === 0 || only.some((part) => name.includes(part)))) {
    const lack = await contender.needs?.();
    if (lack === undefined) chosen.push(contender);
    else missing.push({ name: contender.name, lack });
  }
  const samples = new Map(chosen.map(({ name }) => [name, []]));
  for (let round = 1; round <= rounds; round++) {
    for (const contender of chosen) {
      progress(`round ${round} of ${rounds}: ${contender.name}`);
      samples.get(contender.name).push(await measure(contender, seconds));
    }
  }
  return { rows: chosen.map((contender) => summarise(contender, samples)), missing };
}

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

function summarise({ name, control }, samples) {
  const all = samples.get(name);
  const of = (field) => median(all.map((sample) => sample[field]));
  // Ratios are taken within each round, between neighbours in time, and the middle one of them is kept.
  const controls = control === undefined ? undefined : samples.get(control);
  const ratio = (field) =>
    controls === undefined ? undefined : median(all.map((sample, round) => sample[field] / controls[round][field]));
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

/** The result as a table. */
export function httpTable({ rows, missing }) {
  const number = (value, digits) => (value === undefined ? '' : value.toFixed(digits));
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
