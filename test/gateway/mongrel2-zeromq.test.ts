import { zeromqTransport } from '@m2/transport-zeromq';
import { gatewayCases } from '../cases/gateway-cases.js';
import { describeWithMongrel2 } from '../harness/describe.js';
import { serveApp } from '../harness/gateway.js';

// The other files of this folder use the default transport, which is zmtp.
describeWithMongrel2('Mongrel2 over the zeromq transport', { flowControl: true }, (given) => {
  gatewayCases({
    abilities: { flowControl: true },
    start: () => serveApp(given.mongrel2.connect, given.mongrel2, { transport: zeromqTransport() }),
  });
});
