import { type Front, startFront } from '@m2/front';
import { afterAll, describe } from 'vitest';
import { gatewayCases } from '../cases/gateway-cases.js';
import { serveFront } from '../harness/gateway.js';

describe('the embedded front with json headers, flow control off', () => {
  let front: Front | undefined;
  gatewayCases({
    abilities: { flowControl: false },
    async start() {
      front = await startFront({ handlers: { protocol: 'json' }, settings: { 'download.flow_control': 0 } });
      return await serveFront(front);
    },
  });
  afterAll(() => front?.close());
});
