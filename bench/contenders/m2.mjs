// m2 on one event loop: node bench/contenders/m2.mjs APP TRANSPORT SEND_SPEC RECV_SPEC
import { asyncBackend } from '@m2/backend-async';
import { serve } from '@m2/core';
import { zeromqTransport } from '@m2/transport-zeromq';
import { zmtpTransport } from '@m2/transport-zmtp';
import { handlerOf } from './apps.mjs';

const [app = '', transport, sendSpec = '', recvSpec = ''] = process.argv.slice(2);
const backend = asyncBackend({ transport: transport === 'zmtp' ? zmtpTransport() : zeromqTransport() });
const server = await serve(await handlerOf(app), { sendSpec, recvSpec }, { backend });
await server.ready;
console.log('ready');
process.once('SIGTERM', () => server.stop({ graceMs: 0 }).then(() => process.exit(0)));
