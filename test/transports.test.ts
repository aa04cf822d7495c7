import { type Link, type PeerTransport, SocketSpec, silentLogger, type Transport } from '@m2/core';
import { zeromqTransport } from '@m2/transport-zeromq';
import { zmtpTransport } from '@m2/transport-zmtp';
import { describe, expect, it } from 'vitest';
import { deferred, within } from './harness/deadline.js';

const TRANSPORTS: readonly (Transport & PeerTransport)[] = [zmtpTransport(), zeromqTransport()];
const REPLIES = 2000;
const REQUESTS = 500;

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');

describe.each(TRANSPORTS)('a link over $name', (transport) => {
  it.each(TRANSPORTS)(
    `takes ${REQUESTS} requests from a server over $name, and sends it ${REPLIES} replies in one tick`,
    async (server) => {
      const replies: string[] = [];
      const answered = deferred();
      const peer = await server.bind(
        { sendSpec: 'tcp://127.0.0.1:0', recvSpec: 'tcp://127.0.0.1:0', recvIdent: 'm2 ' },
        {
          replies(batch) {
            replies.push(...batch.map(text));
            if (replies.length >= REPLIES) answered.resolve();
          },
        },
      );
      for (let at = 0; at < REQUESTS; at++) expect(peer.send(Buffer.from(`request ${at}`))).toBe(true);
      const requests: string[] = [];
      const opened = deferred<Link>();
      const spec = { sendQueueBytes: 1 << 24, lingerMs: 2000, logger: silentLogger };
      const link = await transport.open(
        { ...spec, sendSpec: SocketSpec.parse(peer.sendSpec), recvSpec: SocketSpec.parse(peer.recvSpec) },
        {
          messages(batch, epoch) {
            requests.push(...batch.map(text));
            if (requests.length < REQUESTS) return;
            void opened.promise.then((to) => {
              // One that the server did not ask for, at the head of all.
              to.send({ epoch, head: 'another ', data: '' });
              for (let at = 0; at < REPLIES; at++) to.send({ epoch, head: 'm2 ', data: `reply ${at}` });
            });
          },
          up() {},
          down() {},
        },
      );
      opened.resolve(link);
      await within(answered.promise, () => `${REPLIES} replies arrive (${replies.length} did)`);
      await link.close();
      await peer.close();
      expect(requests).toEqual(Array.from({ length: REQUESTS }, (_, at) => `request ${at}`));
      expect(replies).toEqual(Array.from({ length: REPLIES }, (_, at) => `m2 reply ${at}`));
    },
  );
});
