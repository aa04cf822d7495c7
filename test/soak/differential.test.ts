import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KINDS } from '../differential/apps/kinds.js';
import { removeFile } from '../differential/apps/pieces.js';
import { describeUnknown, runKind } from '../differential/run.js';
import { frontTarget, mongrel2Target, SETTINGS } from '../differential/targets/m2-target.js';
import { bytesTarget, nodeTarget } from '../differential/targets/node-targets.js';
import type { Target } from '../differential/targets/target.js';
import { describeWithMongrel2 } from '../harness/describe.js';

/** Seeds of their own, so that other cases are made than in the everyday run. `M2_DIFF_SEEDS=n` says how many. */
const SEEDS = Array.from({ length: Number(process.env.M2_DIFF_SEEDS ?? 10) }, (_, index) => `soak-${index}`);
const COUNT = 30;

/** Every kind of app, seed by seed, on targets that live on from one to the next. */
function longRun(file: string, start: () => Promise<Target[]>): void {
  let running: Target[] = [];
  beforeAll(async () => {
    running = await start();
  });
  afterAll(async () => {
    for (const target of running) await target.close();
    removeFile();
  });
  for (const seed of SEEDS) {
    for (const kind of KINDS) {
      it(`${kind.id}: seed ${seed}`, async () => {
        const [reference, ...targets] = running;
        if (reference === undefined) throw new Error('Nothing was started.');
        const settings = { seed, count: COUNT, only: undefined };
        const { unknown, requests } = await runKind(kind, reference, targets, settings);
        expect(requests).toBeGreaterThan(COUNT);
        if (unknown.length > 0) throw new Error(describeUnknown(unknown, settings, file, 5));
      });
    }
  }
}

describe('many cases behind the embedded front', () => {
  longRun('test/differential/front.test.ts', () => Promise.all([nodeTarget(KINDS), bytesTarget(KINDS), frontTarget(KINDS)]));
});

describeWithMongrel2('many cases behind Mongrel2', { settings: SETTINGS, flowControl: true }, (given) => {
  longRun('test/differential/mongrel2.test.ts', () => Promise.all([nodeTarget(KINDS), mongrel2Target(given.mongrel2, KINDS)]));
});
