import { deflateRawSync } from 'node:zlib';
import { expect } from 'vitest';
import { RawClient, request } from '../harness/raw-client.js';
import { clientFrame, HANDSHAKE, SocketClient } from '../harness/socket-client.js';
import { MAX_PAYLOAD, type SocketGateway } from '../harness/socket-gateway.js';

/** One end-to-end case. */
export interface SocketCase {
  readonly name: string;
  run(given: SocketGateway): Promise<void>;
}

let names = 0;

/** Runs `use` with an open WebSocket of a name of its own, which is cut off afterwards. */
async function withSocket(
  given: SocketGateway,
  use: (client: SocketClient, name: string) => Promise<void>,
  options: { readonly protocols?: string[]; readonly deflate?: boolean } = {},
): Promise<void> {
  const name = `socket-${++names}`;
  const client = await SocketClient.open(given.port, `/?${name}`, options.protocols, {
    perMessageDeflate: options.deflate ?? false,
  });
  try {
    await use(client, name);
  } finally {
    client.terminate();
  }
}

/** Runs `use` with a connection that has sent a handshake and read its 101. */
async function withRaw(given: SocketGateway, use: (client: RawClient, name: string) => Promise<void>): Promise<void> {
  const name = `raw-${++names}`;
  const client = await RawClient.connect(given.port);
  try {
    client.write(request('GET', `/?${name}`, HANDSHAKE));
    await client.sees('\r\n\r\n');
    const [head] = (await client.bytes(client.received)).toString('latin1').split('\r\n');
    expect(head).toBe('HTTP/1.1 101 Switching Protocols');
    await use(client, name);
  } finally {
    await client.close();
  }
}

const closeOf = async (given: SocketGateway, name: string): Promise<string> =>
  (await given.events.first(`close of ${name}`, ({ peer, type }) => peer === name && type === 'close')).text;

/** Messages, both ways. */
export const messageCases: readonly SocketCase[] = [
  {
    name: 'echoes text and binary, in order',
    run: (given) =>
      withSocket(given, async (client) => {
        for (let n = 0; n < 50; n++) client.socket.send(n % 2 === 0 ? `text ${n} \u00e4\u{1f600}` : Buffer.from([n, 0, 255]));
        const got = await client.messages(50);
        expect(got.map(({ type }) => type)).toEqual(Array.from({ length: 50 }, (_, n) => (n % 2 === 0 ? 'text' : 'binary')));
        expect(got[48]?.data.toString()).toBe('text 48 \u00e4\u{1f600}');
        expect([...(got[49]?.data ?? [])]).toEqual([49, 0, 255]);
      }),
  },
  {
    name: 'joins fragments, and answers a ping between them',
    run: (given) =>
      withSocket(given, async (client) => {
        client.socket.send('one ', { fin: false });
        client.socket.ping('between');
        client.socket.send('two ', { fin: false });
        client.socket.send('three', { fin: true });
        expect((await client.messages(1))[0]?.data.toString()).toBe('one two three');
        expect(client.received.entries[0]).toMatchObject({ type: 'pong', data: Buffer.from('between') });
      }),
  },
  {
    name: 'echoes 10 MB',
    run: (given) =>
      withSocket(given, async (client) => {
        const bytes = Buffer.alloc(10_000_000, 'm2');
        client.socket.send(bytes);
        const [echoed] = await client.messages(1);
        expect(echoed?.data.equals(bytes)).toBe(true);
      }),
  },
  {
    name: 'pings, and gets its pong',
    run: (given) =>
      withSocket(given, async (client, name) => {
        given.peer(name).ping('are you there');
        const ping = await client.received.first('a ping', ({ type }) => type === 'ping');
        expect(ping.data.toString()).toBe('are you there');
        client.socket.send('yes');
        await client.messages(1);
        expect(given.peer(name).readyState).toBe(1);
      }),
  },
  {
    name: 'compresses both ways when the client offers it',
    run: (given) =>
      withSocket(
        given,
        async (client, name) => {
          expect(client.socket.extensions).toBe('permessage-deflate');
          expect(given.peer(name).extensions).toBe('permessage-deflate');
          const text = 'again and again '.repeat(5000);
          for (let n = 0; n < 5; n++) client.socket.send(`${n} ${text}`);
          client.socket.send('short');
          const got = await client.messages(6);
          expect(got.slice(0, 5).map(({ data }) => data.toString())).toEqual([0, 1, 2, 3, 4].map((n) => `${n} ${text}`));
          expect(got[5]?.data.toString()).toBe('short');
        },
        { deflate: true },
      ),
  },
  {
    name: 'publishes to many',
    async run(given) {
      const clients = await Promise.all(Array.from({ length: 200 }, (_, n) => SocketClient.open(given.port, `/?many-${n}`)));
      try {
        // Those of earlier cases may be on their way out.
        expect(given.sockets.publish('all', 'to all of you')).toBeGreaterThanOrEqual(200);
        for (const client of clients) expect((await client.messages(1))[0]?.data.toString()).toBe('to all of you');
      } finally {
        for (const client of clients) client.terminate();
      }
    },
  },
];

const refusedWith = async (given: SocketGateway, path: string, lines: readonly string[]): Promise<string> => {
  const client = await RawClient.connect(given.port);
  try {
    client.write(request('GET', path, lines));
    return (await client.closed()).toString('latin1');
  } finally {
    await client.close();
  }
};

/** Handshakes. */
export const handshakeCases: readonly SocketCase[] = [
  {
    name: 'chooses a subprotocol, and sends the headers of upgrade()',
    async run(given) {
      await withSocket(
        given,
        async (client, name) => {
          expect(client.socket.protocol).toBe('v2');
          expect(given.peer(name).protocol).toBe('v2');
        },
        { protocols: ['v1', 'v2'] },
      );
      await withRaw(given, async (client) => {
        expect(await client.sees('x-greeting: hello')).toContain('Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
      });
    },
  },
  {
    name: 'refuses with the Response of upgrade(), and closes',
    async run(given) {
      const client = new SocketClient(given.port, '/refused');
      expect(await client.refused).toEqual({ status: 403, text: 'not you' });
      client.terminate();
    },
  },
  {
    name: 'refuses another version with 426 and the one it speaks',
    async run(given) {
      const lines = HANDSHAKE.map((line) => line.replace(': 13', ': 8'));
      const text = await refusedWith(given, '/', lines);
      expect(text).toMatch(/^HTTP\/1\.1 426 /);
      expect(text).toContain('\r\nSec-WebSocket-Version: 13\r\n');
    },
  },
  {
    name: 'takes frames that come with the handshake, before its answer',
    async run(given) {
      const client = await RawClient.connect(given.port);
      client.write(request('GET', '/slow?early', HANDSHAKE));
      client.write(Buffer.concat([clientFrame(0x81, 'early'), clientFrame(0x88, Buffer.from([3, 232]))]));
      const bytes = (await client.closed()).toString('latin1');
      expect(bytes.slice(bytes.indexOf('\r\n\r\n') + 4)).toBe('\x81\x05early\x88\x02\x03\xe8');
      expect(await closeOf(given, 'early')).toBe('1000  true');
      await client.close();
    },
  },
];

const bomb = deflateRawSync(Buffer.alloc(100_000));

const VIOLATIONS: readonly (readonly [name: string, flags: number, payload: string | Uint8Array, code: number])[] = [
  ['RSV1 without compression', 0xc1, bomb.subarray(0, 100), 1002],
  ['RSV2', 0xa1, 'x', 1002],
  ['a reserved opcode', 0x83, 'x', 1002],
  ['a reserved control opcode', 0x8b, 'x', 1002],
  ['a text that is not UTF-8', 0x81, Buffer.from([0xed, 0xa0, 0x80]), 1007],
  ['a close code that must not be sent', 0x88, Buffer.from([3, 237]), 1002],
  ['a close reason that is not UTF-8', 0x88, Buffer.from([3, 232, 0xff]), 1007],
];

/** Ends of connections. */
export const closeCases: readonly SocketCase[] = [
  ...VIOLATIONS.map(
    ([name, flags, payload, code]): SocketCase => ({
      name: `${name} is answered ${code}, and the connection closed`,
      run: (given) =>
        withRaw(given, async (client, peer) => {
          client.write(clientFrame(flags, payload));
          const frame = await client.closed();
          expect([frame[0], frame[1], frame.readUInt16BE(2)]).toEqual([0x88, frame.length - 2, code]);
          expect(await closeOf(given, peer)).toMatch(new RegExp(`^${code} .* false$`));
        }),
    }),
  ),
  {
    name: 'a message over maxPayload is answered 1009',
    run: (given) =>
      withSocket(given, async (client, name) => {
        client.socket.send(Buffer.alloc(MAX_PAYLOAD + 1));
        expect((await client.closed()).code).toBe(1009);
        expect(await closeOf(given, name)).toMatch(/^1009 /);
      }),
  },
  {
    name: 'a zip bomb is answered 1009',
    run: (given) =>
      withSocket(
        given,
        async (client, name) => {
          client.socket.send(Buffer.alloc(50_000_000));
          expect((await client.closed()).code).toBe(1009);
          expect(await closeOf(given, name)).toMatch(/^1009 /);
        },
        { deflate: true },
      ),
  },
  {
    name: 'the client closes',
    run: (given) =>
      withSocket(given, async (client, name) => {
        client.socket.close(4001, 'bye');
        expect(await client.closed()).toEqual({ code: 4001, reason: '' });
        expect(await closeOf(given, name)).toBe('4001 bye true');
      }),
  },
  {
    name: 'the app closes',
    run: (given) =>
      withSocket(given, async (client, name) => {
        given.peer(name).close(4002, 'go away');
        expect(await client.closed()).toEqual({ code: 4002, reason: 'go away' });
        expect(await closeOf(given, name)).toMatch(/^4002 .*true$/);
      }),
  },
  {
    name: 'the client vanishes',
    run: (given) =>
      withRaw(given, async (client, name) => {
        await client.reset();
        expect(await closeOf(given, name)).toBe('1006  false');
      }),
  },
  {
    name: 'the app cuts it off',
    run: (given) =>
      withSocket(given, async (client, name) => {
        given.peer(name).terminate();
        expect((await client.closed()).code).toBe(1006);
        expect(await closeOf(given, name)).toBe('1006  false');
      }),
  },
];
