import { socketCases } from '../cases/socket-suite.js';
import { describeWithMongrel2 } from '../harness/describe.js';
import { serveSockets } from '../harness/socket-gateway.js';

const options = { handlers: [{ protocol: 'tnetstring' as const }], flowControl: true };

describeWithMongrel2('WebSockets through Mongrel2 with tnetstring headers, flow control on', options, (given) => {
  socketCases(() => serveSockets(given.mongrel2.connect, given.mongrel2));
});
