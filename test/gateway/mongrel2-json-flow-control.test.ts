import { gatewayCases } from '../cases/gateway-cases.js';
import { describeWithMongrel2 } from '../harness/describe.js';
import { serveApp } from '../harness/gateway.js';

const options = { handlers: [{ protocol: 'json' as const }], flowControl: true };

describeWithMongrel2('Mongrel2 with json headers, flow control on', options, (given) => {
  gatewayCases({
    abilities: { flowControl: true },
    start: () => serveApp(given.mongrel2.connect, given.mongrel2),
  });
});
