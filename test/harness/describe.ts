import { afterAll, afterEach, beforeAll, describe, it } from 'vitest';
import { hasMongrel2, type Mongrel2Options, makeMongrel2, type RealMongrel2 } from './mongrel2.js';

const HOW = "Mongrel2 is not installed: on Debian and Ubuntu, 'apt-get install mongrel2-core'.";

/** What a describe with a Mongrel2 is given. */
export interface Mongrel2Fixture {
  /** The Mongrel2 of this describe, started before its first test. */
  readonly mongrel2: RealMongrel2;
}

/**
 * A describe with a Mongrel2 of its own. Where Mongrel2 is not installed its tests are skipped, and the report says how to
 * get it; with `M2_E2E=required` that is a failure.
 */
export function describeWithMongrel2(
  name: string,
  options: Mongrel2Options & { readonly started?: boolean },
  body: (given: Mongrel2Fixture) => void,
): void {
  if (!hasMongrel2) {
    const required = process.env.M2_E2E === 'required';
    describe(name, () => {
      it.skipIf(!required)(`runs (${HOW})`, () => {
        throw new Error(`${HOW} M2_E2E=required says that these tests must run.`);
      });
    });
    return;
  }
  describe(name, () => {
    let current: RealMongrel2 | undefined;
    const given: Mongrel2Fixture = {
      get mongrel2() {
        if (current === undefined) throw new Error('Mongrel2 is started in beforeAll: use it in hooks and tests only.');
        return current;
      },
    };
    beforeAll(async () => {
      current = await makeMongrel2(options);
      if (options.started !== false) await current.start();
    });
    afterEach(({ task }) => {
      if (task.result?.state === 'fail') console.error(`Mongrel2's log:\n${current?.log().slice(-4000)}`);
    });
    afterAll(async () => {
      await current?.stop();
    });
    body(given);
  });
}
