import type { LinkStats, Outcome } from '../backend.js';
import { M2Error } from '../errors.js';
import type { ServeCounters } from '../serve/counters.js';
import type { Transport } from '../transport.js';
import type { M2Request } from '../wire/message.js';
import type { Client, OpeningRequest } from './client.js';
import { deliver } from './deliver.js';
import { type ConnectionOptions, type ResolvedOptions, resolveOptions } from './options.js';
import { ServerLink } from './server-link.js';

/** Who runs a connection: the serve loop. None of these may throw. @internal */
export interface ConnectionOwner {
  readonly counters: ServeCounters;
  /** A request to be answered: `client.current`. */
  request(client: Client, message: OpeningRequest): void;
  /** A request that came while the client's former one is being answered. */
  pipelined(client: Client, message: OpeningRequest): void;
  /** A pipelined request stopped waiting. */
  unqueued(message: OpeningRequest): void;
  /** The handler's part in a request that was started is over. */
  released(): void;
  /** Any other message. */
  message(client: Client, message: M2Request): void;
  /** The one end of a request. */
  ended(server: string, epoch: number, id: number, outcome: Outcome, truncated: boolean): void;
}

/**
 * The connection to one or more Mongrel2 servers. The constructor does no IO; a backend opens it. A reply goes back to the
 * server, and in the incarnation, that its request came from: connection ids are unique only there (protocol 3).
 */
export class Connection {
  /** The options with all defaults filled in. */
  readonly options: ResolvedOptions;
  private links: ServerLink[] = [];
  private state: 'new' | 'open' | 'closed' = 'new';
  private sweepCancel: (() => void) | undefined;
  private upWaiters: (() => void)[] = [];
  private closing: Promise<void> | undefined;

  /** @throws M2Error `M2_SPEC_INVALID` or `M2_OPTION_INVALID`. */
  constructor(options: string | ConnectionOptions) {
    this.options = resolveOptions(options);
  }

  /**
   * Opens a link to each server. Called once, by a backend. Rejects with the transport's error; what was opened by then
   * is closed again.
   * @internal
   */
  async open(transport: Transport, owner: ConnectionOwner, signal?: AbortSignal): Promise<void> {
    if (this.state !== 'new') {
      throw new M2Error('M2_CLOSED', 'This Connection is in use or was closed: make a new one for each serve().');
    }
    this.state = 'open';
    const { lingerMs, sendQueueBytes, logger } = this.options;
    this.links = this.options.servers.map((server) => new ServerLink(server, this.options, owner, () => this.wake()));
    try {
      const opening = this.links.map(async (link) => {
        const { sendSpec, recvSpec } = link.server;
        link.transportLink = await transport.open({ sendSpec, recvSpec, lingerMs, sendQueueBytes, logger }, link, signal);
      });
      // One that fails does not end the others: each has to be there before it can be closed.
      await Promise.allSettled(opening);
      await Promise.all(opening);
    } catch (error) {
      await this.close();
      throw error;
    }
    this.scheduleSweep();
  }

  /** Resolves when the reply path to every server works. Rejects with `M2_CLOSED` when closed before. */
  async ready(): Promise<void> {
    while (!this.isReady) {
      if (this.state === 'closed') throw new M2Error('M2_CLOSED', 'Stopped before every Mongrel2 server was connected.');
      await new Promise<void>((resolve) => this.upWaiters.push(resolve));
    }
  }

  /** The reply path to every server works now. */
  get isReady(): boolean {
    return this.state === 'open' && this.links.every((link) => link.isUp);
  }

  /**
   * Sends the same bytes to any number of clients, in messages for up to 128 of them. Clients that have no room get it
   * when they have. A string is latin1. Returns how many clients were still there.
   * @throws M2Error `M2_BAD_REPLY` for empty data (it would close them) or characters that are not latin1.
   */
  deliver(clients: Iterable<Client>, data: string | Uint8Array): number {
    return deliver(clients, data);
  }

  /** Takes no more requests; resolves when all that had arrived was handed over. @internal */
  async shutdown(): Promise<void> {
    await Promise.all(this.links.map((link) => link.transportLink?.shutdown()));
  }

  /** Ends what is open, sends what is queued within the linger time, closes every link, and waits for files to be removed. Idempotent. */
  close(): Promise<void> {
    this.closing ??= this.closeNow();
    return this.closing;
  }

  private async closeNow(): Promise<void> {
    this.state = 'closed';
    this.sweepCancel?.();
    for (const link of this.links) link.stop();
    await Promise.all(this.links.map((link) => link.transportLink?.close()));
    await this.options.uploads?.settled?.();
    this.wake();
  }

  /** Every client with something open. @internal */
  *openClients(): Iterable<Client> {
    for (const link of this.links) yield* link.clients.values();
  }

  /** The state of each link, in the order of the options. */
  stats(): LinkStats[] {
    return this.links.map((link) => {
      const counters = link.transportLink?.counters;
      return {
        sendSpec: link.server.sendSpec.toString(),
        recvSpec: link.server.recvSpec.toString(),
        up: link.isUp,
        epoch: Math.max(0, link.epoch),
        subscription: link.subscription,
        flowControl: link.mode,
        received: counters?.received ?? 0,
        sent: counters?.sent ?? 0,
        stale: counters?.stale ?? 0,
        overflowed: counters?.overflowed ?? 0,
        lost: counters?.lost ?? 0,
      };
    });
  }

  private scheduleSweep(): void {
    const { keepAliveMs, clock } = this.options;
    if (keepAliveMs === 0 || this.state !== 'open') return;
    this.sweepCancel = clock.after(keepAliveMs, () => {
      for (const link of this.links) link.sweep();
      this.scheduleSweep();
    });
  }

  private wake(): void {
    const waiters = this.upWaiters;
    this.upWaiters = [];
    for (const waiter of waiters) waiter();
  }
}
