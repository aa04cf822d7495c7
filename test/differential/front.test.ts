import { describe } from 'vitest';
import { KINDS } from './apps/kinds.js';
import { differentialSuite } from './suite.js';
import { frontTarget } from './targets/m2-target.js';
import { bytesTarget, nodeTarget } from './targets/node-targets.js';

describe('apps behind m2 and the embedded front, and on a server that gets bytes', () => {
  differentialSuite({
    file: 'test/differential/front.test.ts',
    targets: ['bytes', 'front'],
    start: () => Promise.all([nodeTarget(KINDS), bytesTarget(KINDS), frontTarget(KINDS)]),
  });
});
