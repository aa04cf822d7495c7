import { describeWithMongrel2 } from '../harness/describe.js';
import { KINDS } from './apps/kinds.js';
import { differentialSuite } from './suite.js';
import { mongrel2Target, SETTINGS } from './targets/m2-target.js';
import { nodeTarget } from './targets/node-targets.js';

describeWithMongrel2('apps behind m2 and Mongrel2', { settings: SETTINGS, flowControl: true }, (given) => {
  differentialSuite({
    file: 'test/differential/mongrel2.test.ts',
    targets: ['mongrel2'],
    start: () => Promise.all([nodeTarget(KINDS), mongrel2Target(given.mongrel2, KINDS)]),
  });
});
