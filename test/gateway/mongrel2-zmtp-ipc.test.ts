import { zmtpTransport } from '@m2/transport-zmtp';
import { gatewayCases } from '../cases/gateway-cases.js';
import { describeWithMongrel2 } from '../harness/describe.js';
import { serveApp } from '../harness/gateway.js';

// Mongrel2 binds where it lives, and it lives in its own folder.
const options = { handlers: [{ sendSpec: 'ipc://run/send', recvSpec: 'ipc://run/recv' }], flowControl: true };

describeWithMongrel2('Mongrel2 over zmtp and ipc', options, (given) => {
  gatewayCases({
    abilities: { flowControl: true },
    start: () => {
      const { chroot } = given.mongrel2;
      const connect = { sendSpec: `ipc://${chroot}/run/send`, recvSpec: `ipc://${chroot}/run/recv` };
      return serveApp(connect, given.mongrel2, { transport: zmtpTransport() });
    },
  });
});
