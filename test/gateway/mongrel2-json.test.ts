import { gatewayCases } from '../cases/gateway-cases.js';
import { describeWithMongrel2 } from '../harness/describe.js';
import { serveApp } from '../harness/gateway.js';

const options = { handlers: [{ protocol: 'json' as const }], flowControl: false };

describeWithMongrel2('Mongrel2 with json headers, flow control off', options, (given) => {
  gatewayCases({
    abilities: { flowControl: false },
    start: () => serveApp(given.mongrel2.connect, given.mongrel2),
  });
});
