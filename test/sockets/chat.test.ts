import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { createChat } from '../../examples/chat/chat.js';
import { readMessage, toLine } from '../../examples/chat/room.js';
import { within } from '../harness/deadline.js';
import { describeWithMongrel2 } from '../harness/describe.js';
import { EventLog } from '../harness/event-log.js';
import { RawClient } from '../harness/raw-client.js';
import { type Served, serveHandler } from '../harness/served.js';
import { Spawned } from '../harness/spawned.js';

interface Heard {
  readonly type: string;
  readonly name?: string;
  readonly text?: string;
  readonly error?: string;
  readonly members?: number;
}

/** A member of the chat, by whatever way. */
interface Member {
  readonly heard: EventLog<Heard>;
  send(message: object): void;
  leave(): Promise<void>;
}

async function bySocket(port: number, rawPayload: boolean): Promise<Member> {
  const heard = new EventLog<Heard>();
  const socket: Socket = connect({ port, host: '127.0.0.1' });
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  let encoded = '';
  let text = '';
  socket.setEncoding('latin1').on('data', (data) => {
    encoded += String(data);
    const whole = rawPayload ? encoded.length : encoded.length - (encoded.length % 4);
    text += Buffer.from(encoded.slice(0, whole), rawPayload ? 'latin1' : 'base64').toString('utf8');
    encoded = encoded.slice(whole);
    const lines = text.split('\n');
    text = lines.pop() ?? '';
    for (const line of lines) heard.add(JSON.parse(line) as Heard);
  });
  await within(new Promise((resolve) => socket.once('connect', resolve)), 'a JSON socket');
  return {
    heard,
    send: (message) => void socket.write(`@chat ${JSON.stringify(message)}\0`),
    leave: async () => {
      socket.destroy();
      await closed;
    },
  };
}

async function byWebSocket(port: number): Promise<Member> {
  const heard = new EventLog<Heard>();
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
  socket.on('message', (data) => heard.add(JSON.parse(String(data)) as Heard));
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  await within(new Promise((resolve) => socket.once('open', resolve)), 'a WebSocket');
  return {
    heard,
    send: (message) => socket.send(JSON.stringify(message)),
    leave: async () => {
      socket.close();
      await within(closed, 'the WebSocket closes');
    },
  };
}

const hears = (member: Member, type: string, name: string) =>
  member.heard.first(`${name} ${type}`, (one) => one.type === type && one.name === name);

for (const rawPayload of [false, true]) {
  const options = { handlers: [{ route: ['/', '@chat'], rawPayload }], flowControl: rawPayload };
  describeWithMongrel2(`examples/chat behind Mongrel2, raw_payload=${rawPayload ? 1 : 0}`, options, (given) => {
    const chat = createChat();
    let served: Served;
    beforeAll(async () => {
      served = await serveHandler(chat, given.mongrel2.connect);
    });
    afterAll(() => served?.server.stop({ graceMs: 0 }));

    it('serves its page', async () => {
      const client = await RawClient.connect(given.mongrel2.port);
      client.get('/');
      expect((await client.response()).text()).toContain('<title>Chat</title>');
      await client.close();
    });

    it('lets JSON sockets and WebSockets hear one another, and tells when one leaves', async () => {
      const { port } = given.mongrel2;
      const [anna, bert, carl] = [await bySocket(port, rawPayload), await byWebSocket(port), await bySocket(port, rawPayload)];
      for (const [member, name] of [
        [anna, 'Anna'],
        [bert, 'Bert'],
        [carl, 'Čarl'],
      ] as const) {
        member.send({ type: 'join', name });
        for (const one of [anna, bert, carl]) if (one === member) await hears(one, 'joined', name);
      }
      anna.send({ type: 'say', text: 'from a JSON socket ✓' });
      bert.send({ type: 'say', text: 'from a WebSocket ✓' });
      for (const member of [anna, bert, carl]) {
        expect((await hears(member, 'said', 'Anna')).text).toBe('from a JSON socket ✓');
        expect((await hears(member, 'said', 'Bert')).text).toBe('from a WebSocket ✓');
      }
      await carl.leave();
      expect(await hears(bert, 'left', 'Čarl')).toMatchObject({ members: 2 });
      await bert.leave();
      expect(await hears(anna, 'left', 'Bert')).toMatchObject({ members: 1 });
      await anna.leave();
      const last = await byWebSocket(port);
      last.send({ type: 'join', name: 'Last' });
      expect(await hears(last, 'joined', 'Last')).toMatchObject({ members: chat.room.size });
      await last.leave();
    });

    it('takes no message for a notice, and says what is wrong with one', async () => {
      const member = await bySocket(given.mongrel2.port, rawPayload);
      member.send({ type: 'disconnect' });
      expect((await member.heard.first('an error', ({ type }) => type === 'error')).error).toContain('join');
      member.send({ type: 'say', text: 'too early' });
      await member.heard.first('another error', ({ error }) => error === 'Join first.');
      member.send({ type: 'join', name: 'Dora' });
      await hears(member, 'joined', 'Dora');
      await member.leave();
    });

    it('was never badly answered', () => {
      expect(given.mongrel2.badReplies()).toBe(0);
      expect(served.server.stats().counters).toMatchObject({ handlerErrors: 0, malformed: 0 });
    });
  });
}

describeWithMongrel2("examples/chat's own programs", { handlers: [{ route: ['/', '@chat'] }] }, (given) => {
  const script = (name: string) => fileURLToPath(new URL(`../../examples/chat/${name}`, import.meta.url));

  it('have a configuration that m2sh takes', () => {
    const folder = mkdtempSync(join(tmpdir(), 'm2-chat-'));
    try {
      const args = ['load', '-config', script('mongrel2.conf'), '-db', 'config.sqlite'];
      execFileSync('m2sh', args, {
        cwd: folder,
        env: { ...process.env, LOGNAME: process.env.LOGNAME ?? 'm2-tests' },
        stdio: 'pipe',
      });
      const routes = execFileSync('m2sh', ['routes', '-db', 'config.sqlite', '-server', 'main', '-host', 'localhost'], {
        cwd: folder,
        encoding: 'utf8',
      });
      expect(routes).toContain('@chat');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('run', { timeout: 60_000 }, async () => {
    const { port, connect: addresses } = given.mongrel2;
    const server = new Spawned(process.execPath, [script('server.js'), addresses.sendSpec]);
    try {
      await server.prints('Mongrel2 is there.');
      const member = await bySocket(port, false);
      member.send({ type: 'join', name: 'Here' });
      await hears(member, 'joined', 'Here');
      const client = spawn(process.execPath, [script('client.js'), 'There', `${port}`], { stdio: ['pipe', 'pipe', 'inherit'] });
      const printed = new EventLog<string>();
      createInterface({ input: client.stdout }).on('line', (line) => printed.add(line));
      try {
        await hears(member, 'joined', 'There');
        client.stdin.write('hello from the keyboard\n');
        expect((await hears(member, 'said', 'There')).text).toBe('hello from the keyboard');
        member.send({ type: 'say', text: 'hello to the terminal' });
        await printed.first('it is printed', (line) => line === 'Here: hello to the terminal');
        client.stdin.end();
        await hears(member, 'left', 'There');
      } finally {
        client.kill('SIGKILL');
      }
      await member.leave();
      server.signal('SIGTERM');
      expect(await server.end()).toBe(0);
    } finally {
      await server.stop();
    }
  });
});

it('makes lines whose base64 runs on, and refuses what is no message', () => {
  for (let n = 0; n < 10; n++) {
    const line = Buffer.from(toLine({ type: 'said', text: 'x'.repeat(n) }));
    expect([line.length % 3, line.at(-1)]).toEqual([0, 0x0a]);
    expect(JSON.parse(line.toString())).toEqual({ type: 'said', text: 'x'.repeat(n) });
  }
  for (const text of ['', '{', 'null', '[]', '1', '{"type":"join"}', '{"type":"join","name":7}', '{"type":"say","text":""}']) {
    expect([text, typeof readMessage(text)]).toEqual([text, 'string']);
  }
});
