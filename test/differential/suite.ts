import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { KINDS } from './apps/kinds.js';
import { removeFile } from './apps/pieces.js';
import { checkDocs } from './docs.js';
import { describeUnknown, type KindReport, runKind, settingsFrom, unseen } from './run.js';
import type { Target, TargetId } from './targets/target.js';

/** Cases of each behaviour in an everyday run. */
const COUNT = 5;
/** How long all cases of one kind may take, in milliseconds. */
const KIND_MS = 120_000;
/** How many cases a failure shows. */
const SHOWN = 5;

/** What is compared, and by which file. */
export interface DifferentialSetup {
  /** For the line that says how to run a case again. */
  readonly file: string;
  readonly targets: readonly TargetId[];
  /** Starts the targets: first what they are compared with. */
  start(): Promise<Target[]>;
}

/** Runs every kind of app on the targets, and compares: with `node:http`, with the list of differences, with the docs. */
export function differentialSuite(setup: DifferentialSetup): void {
  const settings = settingsFrom(process.env, COUNT);
  // What node:http does itself is not the same in every version; the page tells of the oldest that is supported.
  const usual =
    process.versions.node.startsWith('20.') &&
    settings.only === undefined &&
    settings.seed === settingsFrom({}, COUNT).seed &&
    settings.count === COUNT;
  const reports: KindReport[] = [];
  let running: Target[] = [];
  beforeAll(async () => {
    quietPlannedErrors();
    running = await setup.start();
  });
  afterAll(async () => {
    vi.restoreAllMocks();
    await closeAll(running);
    removeFile();
  });

  for (const kind of KINDS) {
    it(
      `${kind.id}: as on node:http, but for what is listed`,
      async () => {
        const [reference, ...targets] = running;
        if (reference === undefined) throw new Error('Nothing was started.');
        const report = await runKind(kind, reference, targets, settings);
        reports.push(report);
        const { unknown } = report;
        expect(report.requests).toBeGreaterThan(0);
        if (unknown.length > 0) throw new Error(describeUnknown(unknown, settings, setup.file, SHOWN));
      },
      KIND_MS,
    );
  }
  it.runIf(usual)('every difference that is listed shows', () => {
    expect(unseen(reports, setup.targets)).toEqual([]);
  });
  it.runIf(usual)('docs/compatibility.md is what this run gives', () => {
    expect(reports.length).toBe(KINDS.length);
    checkDocs(reports, setup.targets);
  });
  it('counts every request once and leaves none open', async () => {
    const ended = running;
    running = [];
    await closeAll(ended);
  });
}

async function closeAll(targets: readonly Target[]): Promise<void> {
  for (const target of targets) await target.close();
}

/** @hono/node-server writes what an app fails with to the terminal, and has no setting for it. */
function quietPlannedErrors(): void {
  const write = console.error.bind(console);
  vi.spyOn(console, 'error').mockImplementation((...values: unknown[]) => {
    if (!(values[0] instanceof Error && values[0].message === 'as planned')) write(...values);
  });
}
