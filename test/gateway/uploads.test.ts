import { type Front, startFront } from '@m2/front';
import { afterAll, describe } from 'vitest';
import { gatewayCases } from '../cases/gateway-cases.js';
import { uploadCases } from '../cases/upload-cases.js';
import { describeWithMongrel2 } from '../harness/describe.js';
import { serveApp, serveFront } from '../harness/gateway.js';

const lists = { uploads: uploadCases };

for (const protocol of ['json', 'tnetstring'] as const) {
  const flowControl = protocol === 'tnetstring';
  const options = { handlers: [{ protocol }], flowControl, settings: { 'upload.stream': 1 } };
  describeWithMongrel2(`streamed uploads by Mongrel2 with ${protocol} headers`, options, (given) => {
    gatewayCases({ abilities: { flowControl }, start: () => serveApp(given.mongrel2.connect, given.mongrel2) }, lists);
  });
}

describe('streamed uploads by the embedded front', () => {
  let front: Front | undefined;
  const start = async () => {
    front = await startFront({ settings: { 'upload.stream': 1 } });
    return await serveFront(front);
  };
  gatewayCases({ abilities: { flowControl: false }, start }, lists);
  afterAll(() => front?.close());
});
