import { type Front, startFront } from '@m2/front';
import { afterAll, describe } from 'vitest';
import { gatewayCases } from '../cases/gateway-cases.js';
import { serveFront } from '../harness/gateway.js';

describe('the embedded front with tnetstring headers, flow control on', () => {
  let front: Front | undefined;
  gatewayCases({
    abilities: { flowControl: true },
    async start() {
      front = await startFront({ handlers: { protocol: 'tnetstring' }, settings: { 'download.flow_control': 1 } });
      return await serveFront(front);
    },
  });
  afterAll(() => front?.close());
});
