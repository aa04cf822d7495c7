// "The promise" under faults: whatever clients, handlers and Mongrel2 do, every request has exactly one end, every answer
// reaches the connection that asked, in order, and nothing is left over.
import { describe, expect, it } from 'vitest';
import type { Client } from '../src/connection/client.js';
import { HttpExchange } from '../src/http/exchange.js';
import { ManualClock, type ScriptedClient } from '../src/testing/index.js';
import type { M2Request } from '../src/wire/message.js';
import { expectSum, type Running, start } from './harness.js';
import { Random } from './random.js';

const WAYS = [
  'now',
  'now',
  'now',
  'later',
  'later',
  'stream',
  'large',
  'throw',
  'throw-late',
  'reject',
  'destroy',
  'plain',
  'close',
  'short',
  'twice',
];

/** A handler whose requests say in their path how they want to be answered. */
class Whims {
  /** What answers later, when the test says so. */
  readonly later: (() => void)[] = [];

  constructor(private readonly random: Random) {}

  handle(message: M2Request, client: Client): void | Promise<void> {
    if (message.kind === 'websocket-handshake') return this.handshake(message, client);
    if (message.kind !== 'http') return;
    const way = message.path.split('/')[1];
    if (way === 'plain') return void this.later.push(() => client.send(plainAnswer(message.path)));
    if (way === 'close') return client.close();
    const exchange = new HttpExchange(message, client);
    if (way === 'throw') throw new Error('thrown at once');
    if (way === 'reject') return Promise.reject(new Error('rejected'));
    if (way === 'later') return void this.later.push(() => answer(exchange));
    if (way === 'destroy') return void this.later.push(() => exchange.destroy());
    if (way === 'stream' || way === 'large') return this.stream(exchange, way === 'large' ? 200_000 : 500);
    if (way === 'throw-late' || way === 'short') return broken(exchange, way);
    answer(exchange);
    if (way === 'twice') exchange.respond(200, []);
  }

  private handshake(message: M2Request, client: Client): void {
    if (message.kind !== 'websocket-handshake') return;
    const exchange = new HttpExchange(message, client);
    if (this.random.chance(0.5)) exchange.acceptWebSocket();
    else exchange.respond(403, []);
  }

  private async stream(exchange: HttpExchange, size: number): Promise<void> {
    exchange.start(200, [['X-Token', exchange.request.path]]);
    if (exchange.request.kind === 'http' && this.random.chance(0.7)) await drain(exchange);
    for (let n = 0; n < 5 && !exchange.ended; n++) {
      if (!exchange.write(new Uint8Array(size))) await exchange.drained();
      if (this.random.chance(0.3)) await new Promise<void>((resolve) => this.later.push(resolve));
    }
    if (!exchange.ended) exchange.end();
  }
}

const plainAnswer = (token: string) => `HTTP/1.1 200 OK\r\nX-Token: ${token}\r\nContent-Length: 0\r\n\r\n`;

function answer(exchange: HttpExchange): void {
  exchange.respond(200, [['X-Token', exchange.request.path]], 'answer');
}

async function drain(exchange: HttpExchange): Promise<void> {
  try {
    while ((await exchange.body.read()) !== undefined);
  } catch {
    // The client went away; the exchange knows it too.
  }
}

function broken(exchange: HttpExchange, way: string): void {
  exchange.start(200, [
    ['X-Token', exchange.request.path],
    ['Content-Length', '100'],
  ] as const);
  exchange.write('a beginning');
  if (way === 'short') exchange.end();
  throw new Error('thrown after the head');
}

/** A client and the tokens of what it asked, in order. */
interface Asker {
  readonly client: ScriptedClient;
  readonly tokens: string[];
}

class Schedule {
  readonly askers: Asker[] = [];
  silentKills = 0;
  private count = 0;
  /** Connections of another kind, which are never asked for HTTP. */
  private readonly others = new Set<ScriptedClient>();

  constructor(
    private readonly random: Random,
    private readonly running: Running,
    private readonly whims: Whims,
    private readonly clock: ManualClock,
  ) {}

  async step(): Promise<void> {
    const { random } = this;
    const roll = random.next();
    const asker = this.openAsker();
    if (asker === undefined || roll < 0.12) this.connect();
    else if (roll < 0.6) for (let n = random.below(4); n >= 0 && asker.client.canSend; n--) this.request(asker);
    else if (roll < 0.66) asker.client.disconnect();
    else if (roll < 0.69) this.kill(asker);
    else if (roll < 0.74) asker.client.slow();
    else if (roll < 0.8) asker.client.resume();
    else if (roll < 0.82) this.running.mongrel2.sendRaw(new TextEncoder().encode(`scripted ${random.below(9)} @* 2:{},0:,`));
    else if (roll < 0.825) await this.running.mongrel2.restart();
    else for (let n = random.below(4); n > 0; n--) this.whims.later.splice(random.below(this.whims.later.length), 1)[0]?.();
    if (random.chance(0.5)) await this.clock.advanceInTicks(random.below(30));
  }

  /** Lets all that is waiting go on until nothing changes. */
  async settle(): Promise<void> {
    for (let n = 0; n < 60; n++) {
      for (const { client } of this.askers) client.resume();
      for (const go of this.whims.later.splice(0)) go();
      await this.clock.advanceInTicks(20);
    }
    // Those who were killed without a word are found by the keep-alive: its second sweep bounces.
    await this.clock.advanceInTicks(100_000);
  }

  private openAsker(): Asker | undefined {
    const open = this.askers.filter(({ client }) => client.canSend && !this.others.has(client));
    return open.length === 0 ? undefined : this.random.pick(open);
  }

  private connect(): void {
    const client = this.running.mongrel2.connect();
    this.askers.push({ client, tokens: [] });
    if (!this.random.chance(0.1)) return;
    this.others.add(client);
    if (this.random.chance(0.5)) client.upgrade().frame('hello');
    else client.socketMessage('@chat', '{}');
  }

  private kill(asker: Asker): void {
    this.silentKills++;
    asker.client.killSilently();
  }

  private request({ client, tokens }: Asker): void {
    const token = `/${this.random.pick(WAYS)}/${++this.count}`;
    const kind = this.random.next();
    tokens.push(token);
    if (kind < 0.85) client.request({ path: token, method: this.random.chance(0.1) ? 'HEAD' : 'GET' });
    else client.request({ path: token, body: new Uint8Array(this.random.below(150_000)) });
  }
}

/** Every token that a client got is one that it asked for, in the order it asked. */
function expectOwnAnswers({ client, tokens }: Asker): void {
  const text = Buffer.from(client.received).toString('latin1');
  const got = [...text.matchAll(/X-Token: (\S+)/g)].map((match) => match[1] as string);
  let from = 0;
  for (const token of got) {
    const at = tokens.indexOf(token, from);
    expect(at, `${token} on connection ${client.id}, which asked ${tokens.join(' ')}`).toBeGreaterThanOrEqual(from);
    from = at + 1;
  }
}

async function run(seed: number): Promise<Running['server']> {
  const random = new Random(seed);
  const clock = new ManualClock();
  const whims = new Whims(random);
  const flowControl = random.chance(0.5);
  const running = await start(whims, {
    mongrel2: { flowControl, protocol: random.pick(['json', 'tnetstring']), socketBytes: 50_000 },
    connection: {
      clock,
      maxPipelined: 1 + random.below(6),
      sendQueueBytes: random.pick([300_000, 64 << 20]),
      clientQueueBytes: 4_000_000,
    },
    serve: {
      maxInFlight: 1 + random.below(20),
      maxQueueBytes: random.pick([2_000, 1 << 20]),
      requestTimeoutMs: random.pick([0, 500]),
    },
  });
  const schedule = new Schedule(random, running, whims, clock);
  for (let n = 0; n < 150; n++) await schedule.step();
  await schedule.settle();
  const { server, mongrel2 } = running;
  expect(server.stats()).toMatchObject({ inFlight: 0, queued: 0, queuedBytes: 0 });
  expectSum(server);
  for (const asker of schedule.askers) expectOwnAnswers(asker);
  expect(running.ended).toHaveLength(server.stats().counters.received);
  if (flowControl) expect(mongrel2.counters.killed).toBe(schedule.silentKills);
  return server;
}

describe('the five counters', () => {
  it.each(Array.from({ length: 60 }, (_, n) => n + 1))('sum to what was received: seed %i', async (seed) => {
    const server = await run(seed);
    expect(server.stats().counters.received).toBeGreaterThan(0);
  });
});
