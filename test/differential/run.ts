import type { AppKind } from './apps/kind.js';
import { nameOf } from './case.js';
import { compare, type Difference } from './compare.js';
import { drive } from './drive.js';
import { makeCases } from './generate/cases.js';
import { KNOWN_DIFFERENCES, type KnownDifference } from './known-differences.js';
import type { Target, TargetId } from './targets/target.js';

/** How many cases are under way at a time. */
const AT_ONCE = 12;

/** Which cases to run. */
export interface RunSettings {
  readonly seed: string;
  /** Cases of each behaviour. */
  readonly count: number;
  /** Only the case of this name, such as `ranges/3`, or the behaviour of this name. */
  readonly only: string | undefined;
}

/** The settings of this run: the same for everybody, unless the environment says otherwise. */
export function settingsFrom(env: NodeJS.ProcessEnv, count: number): RunSettings {
  return { seed: env.M2_DIFF_SEED ?? 'm2', count: Number(env.M2_DIFF_COUNT ?? count), only: env.M2_DIFF_ONLY };
}

/** A cell of the grid. */
export interface Cell {
  readonly cases: number;
  readonly requests: number;
  /** Known differences that showed. */
  readonly known: ReadonlySet<KnownDifference>;
}

/** What came of the cases of one kind. */
export interface KindReport {
  readonly kind: AppKind;
  /** By target and behaviour; missing where the kind does not have the behaviour. */
  readonly cells: ReadonlyMap<TargetId, ReadonlyMap<string, Cell>>;
  readonly requests: number;
  /** What nobody knows of. */
  readonly unknown: readonly Difference[];
}

/** Sends every case of a kind to the reference and to the targets, and compares. */
export async function runKind(
  kind: AppKind,
  reference: Target,
  running: readonly Target[],
  settings: RunSettings,
): Promise<KindReport> {
  const targets = running.filter(({ id }) => id !== 'bytes' || kind.standIn !== true);
  const cases = makeCases(settings.seed, settings.count)
    .filter((one) => !kind.without.has(one.behaviour))
    .filter((one) => settings.only === undefined || settings.only === one.behaviour || settings.only === nameOf(one));
  const cells = new Map(
    targets.map(({ id }) => [id, new Map<string, { cases: number; requests: number; known: Set<KnownDifference> }>()]),
  );
  const unknown: Difference[] = [];
  await eachOf(cases, async (one) => {
    const [expected, ...actual] = await Promise.all([reference, ...targets].map((target) => drive(target, kind.id, one)));
    for (const [at, target] of targets.entries()) {
      if (expected === undefined || actual[at] === undefined) throw new Error('Every target has an outcome.');
      const row = cells.get(target.id) ?? new Map();
      const cell = row.get(one.behaviour) ?? { cases: 0, requests: 0, known: new Set<KnownDifference>() };
      row.set(one.behaviour, cell);
      cell.cases++;
      cell.requests += one.steps.length;
      for (const difference of compare(target.id, kind.id, one, expected, actual[at])) {
        const known = KNOWN_DIFFERENCES.find(({ targets: where, covers }) => where.includes(target.id) && covers(difference));
        if (known === undefined) unknown.push(difference);
        else cell.known.add(known);
      }
    }
  });
  return { kind, cells, requests: cases.reduce((sum, { steps }) => sum + steps.length, 0), unknown };
}

/** Calls the function for all values, a few at a time. */
async function eachOf<T>(values: readonly T[], run: (value: T) => Promise<void>): Promise<void> {
  const left = values.values();
  const worker = async (): Promise<void> => {
    for (const value of left) await run(value);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** What differs, for people: a paragraph for each of the first cases, with how to run it again. */
export function describeUnknown(differences: readonly Difference[], settings: RunSettings, file: string, shown: number): string {
  const byCase = new Map<string, Difference[]>();
  for (const difference of differences) {
    const key = `${difference.kind} on ${difference.target}, ${nameOf(difference.one)}, request ${difference.index}`;
    byCase.set(key, [...(byCase.get(key) ?? []), difference]);
  }
  const paragraphs = [...byCase].slice(0, shown).map(([key, list]) => describeCase(key, list, settings, file));
  const counts = new Map<string, number>();
  for (const { target, one, field } of differences) {
    const key = `${target} ${one.behaviour}: ${field}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const summary = [...counts].map(([key, count]) => `  ${count} x ${key}`).join('\n');
  return `${differences.length} differences that are not listed, in ${byCase.size} requests:\n${summary}\n\n${paragraphs.join('\n\n')}`;
}

function describeCase(title: string, list: readonly Difference[], settings: RunSettings, file: string): string {
  const { one, kind, step } = list[0] as Difference;
  const lines = list.map(
    ({ field, expected, actual }) => `  ${field}\n    - ${expected ?? '(nothing)'}\n    + ${actual ?? '(nothing)'}`,
  );
  const again = `M2_DIFF_SEED=${settings.seed} M2_DIFF_ONLY=${nameOf(one)} npx vitest run ${file} -t '${kind}:'`;
  const sent = `  ${step.method} ${step.target.slice(0, 60)} HTTP/${step.version} ${JSON.stringify(step.headers).slice(0, 300)}`;
  const planned = `  plan ${JSON.stringify(step.plan).slice(0, 300)}${one.abort === undefined ? '' : ` abort ${JSON.stringify(one.abort)}`}`;
  return [`${title} (- node:http, + ${(list[0] as Difference).target})`, sent, planned, ...lines, `  again: ${again}`].join('\n');
}

/** Known differences of these targets that showed nowhere. */
export function unseen(reports: readonly KindReport[], targets: readonly TargetId[]): string[] {
  const shown = new Set(
    reports.flatMap(({ cells }) =>
      [...cells].flatMap(([id, row]) => [...row.values()].flatMap(({ known }) => [...known].map((one) => `${one.id} on ${id}`))),
    ),
  );
  return KNOWN_DIFFERENCES.flatMap(({ id, targets: where }) =>
    where.filter((target) => targets.includes(target)).map((target) => `${id} on ${target}`),
  ).filter((name) => !shown.has(name));
}
