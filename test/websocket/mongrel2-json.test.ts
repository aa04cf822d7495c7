import { socketCases } from '../cases/socket-suite.js';
import { describeWithMongrel2 } from '../harness/describe.js';
import { serveSockets } from '../harness/socket-gateway.js';

const options = { handlers: [{ protocol: 'json' as const }], flowControl: false };

describeWithMongrel2('WebSockets through Mongrel2 with json headers, flow control off', options, (given) => {
  socketCases(() => serveSockets(given.mongrel2.connect, given.mongrel2));
});
