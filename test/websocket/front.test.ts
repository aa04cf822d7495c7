import { type Front, startFront } from '@m2/front';
import { afterAll, describe } from 'vitest';
import { socketCases } from '../cases/socket-suite.js';
import { serveSockets } from '../harness/socket-gateway.js';

describe('WebSockets through the embedded front', () => {
  let front: Front | undefined;
  socketCases(async () => {
    const started = await startFront();
    front = started;
    const [handler] = started.handlers;
    if (handler === undefined) throw new Error('The front has no handler.');
    const { sendSpec, recvSpec } = handler;
    return await serveSockets({ sendSpec, recvSpec }, { port: started.port, badReplies: () => started.stats.badReplies });
  });
  afterAll(() => front?.close());
});
