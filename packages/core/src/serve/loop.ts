import type { EndedObserver, Outcome, ServeOptions, Server, ServerStats } from '../backend.js';
import type { Clock } from '../clock.js';
import type { Client, OpeningRequest } from '../connection/client.js';
import type { Connection, ConnectionOwner } from '../connection/connection.js';
import { integer } from '../connection/options.js';
import { M2Error } from '../errors.js';
import type { Handler } from '../handler.js';
import { isOverLimit } from '../http/body-limit.js';
import { HttpExchange } from '../http/exchange.js';
import { type Logger, silentLogger } from '../logger.js';
import type { Transport } from '../transport.js';
import type { M2Request } from '../wire/message.js';
import { newCounters } from './counters.js';
import { GracefulStop } from './graceful-stop.js';
import { RequestTimer } from './request-timer.js';

/**
 * Opens a connection and runs a handler on it, in this thread: what a backend that runs handlers in process is made of.
 * Rejects with the transport's error when a link cannot be opened.
 */
export async function runConnection(
  connection: Connection,
  handler: Handler,
  transport: Transport,
  options: ServeOptions = {},
): Promise<Server> {
  const loop = new ServeLoop(connection, handler, options);
  await connection.open(transport, loop);
  loop.begin();
  return loop;
}

interface Waiting {
  readonly client: Client;
  readonly message: OpeningRequest;
}

/** Gives each message to the handler, bounds what is open, and keeps the counts that DESIGN's promise is about. */
class ServeLoop implements ConnectionOwner, Server {
  readonly counters = newCounters();
  readonly ready: Promise<void>;
  readonly closed: Promise<void>;

  private readonly logger: Logger;
  private readonly maxInFlight: number;
  private readonly maxQueueBytes: number;
  private readonly observer: EndedObserver | undefined;
  private readonly stopper: GracefulStop;
  private readonly timer: RequestTimer | undefined;
  private started = 0;
  private queue: Waiting[] = [];
  private queuedBytes = 0;
  /** The time to stop is up: what still comes in is refused. */
  private refusing = false;

  constructor(
    private readonly connection: Connection,
    private readonly handler: Handler,
    options: ServeOptions,
  ) {
    this.logger = options.logger ?? silentLogger;
    this.maxInFlight = integer('maxInFlight', options.maxInFlight ?? 1000, 1);
    this.maxQueueBytes = integer('maxQueueBytes', options.maxQueueBytes ?? 64 * 1024 * 1024, 0);
    this.observer = options.ended;
    const graceMs = integer('graceMs', options.graceMs ?? 30_000, 0);
    this.stopper = new GracefulStop(this, connection, handler, this.logger, graceMs);
    this.closed = this.stopper.closed;
    const timeoutMs = integer('requestTimeoutMs', options.requestTimeoutMs ?? 60_000, 0);
    this.timer = timeoutMs > 0 ? new RequestTimer(this.clock, timeoutMs, connection) : undefined;
    this.ready = connection.ready();
    // Whoever does not wait for it must not be ended by its rejection.
    this.ready.catch(() => {});
  }

  /** Starts what runs beside the requests, once the links are open. */
  begin(): void {
    this.timer?.start();
    void this.closed.then(() => this.timer?.stop());
  }

  get clock(): Clock {
    return this.connection.options.clock;
  }

  /** Received and not yet ended. */
  get open(): number {
    const { received, replied, clientGone, shed, workerDied, timedOut } = this.counters;
    return received - replied - clientGone - shed - workerDied - timedOut;
  }

  stats(): ServerStats {
    return {
      counters: { ...this.counters },
      inFlight: this.started,
      queued: this.queue.length,
      queuedBytes: this.queuedBytes,
      links: this.connection.stats(),
    };
  }

  stop(options: { graceMs?: number } = {}): Promise<{ unfinished: number }> {
    return this.stopper.stop(options.graceMs);
  }

  // --- ConnectionOwner ----------------------------------------------------------------------------------------------

  request(client: Client, message: OpeningRequest): void {
    if (this.refusing) {
      new HttpExchange(message, client).shed();
      return client.closeNow();
    }
    if (message.kind === 'http' && isOverLimit(message, this.connection.options.bodyLimit)) return this.tooLarge(client, message);
    if (this.started < this.maxInFlight && this.queue.length === 0) return this.start(client, message);
    if (this.queuedBytes + message.size > this.maxQueueBytes) return new HttpExchange(message, client).shed();
    message.detach();
    this.queuedBytes += message.size;
    this.queue.push({ client, message });
  }

  pipelined(client: Client, message: OpeningRequest): void {
    client.pending ??= [];
    const { maxPipelined } = this.connection.options;
    if (client.pending.length >= maxPipelined || this.queuedBytes + message.size > this.maxQueueBytes) {
      // An answer out of turn would be taken for that of the request before: this client can only be closed.
      this.logger.warn(
        `Connection ${client.id} of ${client.server} sent more than ${maxPipelined} requests ahead; it is closed.`,
      );
      client.end('shed');
      client.cut(
        new M2Error('M2_OVERLOADED', `Connection ${client.id} of ${client.server} sent too many requests ahead.`),
        false,
      );
      return;
    }
    message.detach();
    this.queuedBytes += message.size;
    client.pending.push(message);
  }

  unqueued(message: OpeningRequest): void {
    this.queuedBytes -= message.size;
  }

  released(): void {
    this.started--;
    if (this.queue.length > 0) queueMicrotask(() => this.startWaiting());
  }

  message(client: Client, message: M2Request): void {
    if (this.refusing) return;
    try {
      const result = this.handler.handle(message, client);
      if (result !== undefined) Promise.resolve(result).catch((error: unknown) => this.report(message, error));
    } catch (error) {
      this.report(message, error);
    }
  }

  ended(server: string, epoch: number, id: number, outcome: Outcome, truncated: boolean): void {
    this.counters[outcome]++;
    if (truncated) this.counters.truncated++;
    if (this.observer !== undefined) this.observe(server, epoch, id, outcome, truncated);
    this.stopper.poke();
  }

  private tooLarge(client: Client, message: OpeningRequest): void {
    this.counters.tooLarge++;
    new HttpExchange(message, client).fail(413);
  }

  /** Everything that waits is refused: the server's time is up. */
  shedQueue(): void {
    this.refusing = true;
    const waiting = this.queue;
    this.queue = [];
    for (const { client, message } of waiting) {
      this.queuedBytes -= message.size;
      if (client.current === message) new HttpExchange(message, client).shed();
    }
  }

  private observe(server: string, epoch: number, id: number, outcome: Outcome, truncated: boolean): void {
    try {
      this.observer?.(server, epoch, id, outcome, truncated);
    } catch (error) {
      this.logger.error('The ended observer threw.', { error });
    }
  }

  private startWaiting(): void {
    while (this.queue.length > 0 && this.started < this.maxInFlight) {
      const { client, message } = this.queue.shift() as Waiting;
      this.queuedBytes -= message.size;
      // Its client may have gone away meanwhile; then it has ended.
      if (client.current === message && !client.closed) this.start(client, message);
    }
  }

  private start(client: Client, message: OpeningRequest): void {
    client.started = true;
    client.dueTick = this.timer?.dueTick() ?? 0;
    this.started++;
    try {
      const result = this.handler.handle(message, client);
      if (result === undefined) this.settled(client, message);
      else this.follow(result, client, message);
    } catch (error) {
      this.failed(client, message, error);
    }
    if (client.current === message) message.detach();
  }

  private follow(result: Promise<void>, client: Client, message: OpeningRequest): void {
    Promise.resolve(result).then(
      () => this.settled(client, message),
      (error: unknown) => this.failed(client, message, error),
    );
  }

  private settled(client: Client, message: OpeningRequest): void {
    if (client.current === message && client.owner === undefined) client.settle();
  }

  private failed(client: Client, message: OpeningRequest, error: unknown): void {
    this.report(message, error);
    if (client.current !== message) return;
    if (client.owner !== undefined) client.owner.fail();
    else if (!client.answered) new HttpExchange(message, client).fail();
    // What was sent cannot be taken back; closing tells the client that it is not whole.
    else client.close();
  }

  private report(message: M2Request, error: unknown): void {
    this.counters.handlerErrors++;
    // An adapter of apps says better what its app did.
    const told = M2Error.is(error) && error.code === 'M2_APP_FAILED';
    this.logger.error(told ? error.message : `The handler failed on a message of kind ${message.kind} for ${message.path}.`, {
      error,
      server: message.server,
      id: message.id,
    });
  }
}
