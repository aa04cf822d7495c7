import { afterTick, latin1Slice } from '#platform';
import type { Outcome } from '../backend.js';
import { M2Error } from '../errors.js';
import { DateCache } from '../http/date.js';
import { dropUnreadBody } from '../http/request-body.js';
import { FLOW_WINDOW_BYTES } from '../limits.js';
import type { Logger } from '../logger.js';
import type { ServeCounters } from '../serve/counters.js';
import type { Link, LinkReceiver, Reply } from '../transport.js';
import { decodeMessage } from '../wire/inbound.js';
import type { HttpRequest, M2Request, UploadPart } from '../wire/message.js';
import { encodeControl } from '../wire/outbound.js';
import { NOBODY } from './barrier.js';
import { Client, type OpeningRequest, opens } from './client.js';
import { ClosedIds, countLate } from './closed-ids.js';
import type { ConnectionOwner } from './connection.js';
import { type FlowMode, FlowModeDetector } from './flow-mode.js';
import { compareIdents } from './idents.js';
import type { ResolvedOptions, ResolvedServer } from './options.js';
import { closeOrphan } from './orphan-frames.js';
import { Pacer } from './pacer.js';
import { Probes } from './probes.js';
import { StoredUploads } from './stored-uploads.js';
import { sweepClients } from './sweep.js';
import { worthLogging } from './worth-logging.js';

/**
 * One Mongrel2 server: its link, its incarnation, and its clients that are not at rest. Parses what arrives and gives it
 * to whom it belongs; replies go back the way the request came.
 */
export class ServerLink implements LinkReceiver {
  readonly pacer: Pacer;
  readonly probes: Probes;
  readonly date: DateCache;
  readonly logger: Logger;
  readonly clientQueueBytes: number;
  /** No message for one client is larger, so that what fits into the send queue when it is half full always does. */
  readonly largestMessage: number;
  /** Clients with something open, waiting or unacknowledged. */
  readonly clients = new Map<number, Client>();

  /** The link's send queue is full: everything waits at its client. */
  congested = false;
  isUp = false;
  epoch = 0;
  subscription: string | undefined;

  /** Once it is open. */
  transportLink: Link | undefined;

  readonly flow: FlowModeDetector;
  private readonly stored: StoredUploads;
  private dirty: Client[] = [];
  /** Connections that were closed from here. */
  readonly closedIds = new ClosedIds();
  private stopped = false;
  /** The idents of this incarnation were compared. */
  private compared = false;

  constructor(
    readonly server: ResolvedServer,
    readonly options: ResolvedOptions,
    private readonly owner: ConnectionOwner,
    private readonly onUp: () => void,
  ) {
    this.pacer = new Pacer(options.clock);
    this.probes = new Probes(options.clock, options.logger, owner.counters);
    this.date = new DateCache(options.clock);
    this.logger = options.logger;
    this.clientQueueBytes = options.clientQueueBytes;
    this.largestMessage = Math.max(FLOW_WINDOW_BYTES, Math.floor(options.sendQueueBytes / 4));
    this.flow = new FlowModeDetector(server, options, () => this.flushAll());
    this.stored = new StoredUploads(options.uploads, owner.counters);
  }

  /** Whether the server runs with flow control. */
  get mode(): FlowMode {
    return this.flow.mode;
  }

  get counters(): ServeCounters {
    return this.owner.counters;
  }

  // --- LinkReceiver -------------------------------------------------------------------------------------------------

  messages(batch: readonly Uint8Array[], epoch: number): void {
    for (const bytes of batch) {
      const message = decodeMessage(bytes, this.options.limits);
      if (message instanceof M2Error) this.malformed(message);
      else if (epoch === this.epoch && (!this.stopped || opens(message))) this.route(message);
      else this.stale(message, epoch);
    }
  }

  up(epoch: number, subscription: Uint8Array): void {
    this.epoch = epoch;
    this.isUp = true;
    this.compared = false;
    this.subscription = latin1Slice(subscription, 0, subscription.length);
    const told = `Mongrel2 at ${this.server.recvSpec} subscribed to '${this.subscription}'.`;
    this.logger.info(told, { epoch });
    this.onUp();
  }

  down(epoch: number, cause: M2Error): void {
    if (epoch !== this.epoch || !this.isUp) return;
    this.isUp = false;
    this.logger.warn(`Mongrel2 at ${this.server.sendSpec} went away; reconnecting.`, { epoch, error: cause });
    const clients = [...this.clients.values()];
    this.clients.clear();
    for (const client of clients) client.listed = false;
    this.flow.reset();
    this.closedIds.clear();
    this.probes.clear();
    this.pacer.stop();
    // No epoch matches from here on: what was prefetched and comes late must not be answered to a stranger.
    this.epoch = -1;
    for (const client of clients) client.leave(cause);
  }

  // --- inbound ------------------------------------------------------------------------------------------------------

  private route(message: M2Request): void {
    if (this.closedIds.has(message.id) && countLate(message, this.owner, this.epoch)) return this.stored.drop(message);
    switch (message.kind) {
      case 'http':
      case 'websocket-handshake':
        return this.request(message);
      case 'upload-part':
        return this.uploadPart(message);
      case 'websocket':
        return this.frame(message);
      case 'json-socket':
      case 'xml-socket': {
        const client = this.client(message);
        client.lasting = true;
        this.owner.counters.socketMessages++;
        return this.owner.message(client, message);
      }
      case 'disconnect': {
        if (message.id === NOBODY) return this.pacer.barrier.answered();
        this.owner.counters.notices++;
        this.probes.notice(message.id);
        const client = this.clients.get(message.id);
        client?.wentAway();
        return this.owner.message(client ?? this.stranger(message), message);
      }
      case 'credits': {
        this.owner.counters.notices++;
        const client = this.clients.get(message.id);
        this.flow.sawCredits(client !== undefined || this.closedIds.has(message.id));
        client?.credit(message.credits);
        return this.owner.message(client ?? this.stranger(message), message);
      }
      case 'unknown-notice':
        this.owner.counters.notices++;
        return this.owner.message(this.clients.get(message.id) ?? this.stranger(message), message);
    }
  }

  private request(message: OpeningRequest): void {
    if (message.downloadCredits !== undefined) this.flow.sawCredits();
    else this.flow.sawRequestWithout(message.id);
    if (!this.compared) {
      this.compared = true;
      compareIdents(this.server, this.subscription ?? '', message.server, this.logger);
    }
    if (message.kind === 'http' && message.upload?.type === 'stored' && this.uploadIsDone(message)) return;
    this.owner.counters.received++;
    const client = this.client(message);
    client.asks();
    // Mongrel2 takes one request after the other.
    if (client.stored !== undefined) this.stored.complete(client);
    // It came after the answer that closes the connection: nobody will read another one.
    if (client.closed) this.ended(client, 'clientGone', false);
    else if (client.current === undefined) return this.open(client, message);
    else this.owner.pipelined(client, message);
    if (client.closed) this.stored.drop(message);
  }

  /** Gives a client its next request. */
  open(client: Client, message: OpeningRequest): void {
    client.current = message;
    client.answered = false;
    client.settled = false;
    client.sweeps = 0;
    if (message.kind === 'http') {
      if (message.upload?.type === 'stream') client.uploading = !message.upload.done;
      else if (message.upload !== undefined) this.stored.open(client, message);
    } else client.lasting = true;
    this.owner.request(client, message);
  }

  /** True when the message was only the word that a stored upload's file is complete. */
  private uploadIsDone(message: HttpRequest): boolean {
    const client = this.clients.get(message.id);
    if (!this.stored.isDone(client, message)) return false;
    if (client !== undefined) this.settle(client);
    return true;
  }

  private uploadPart(message: UploadPart): void {
    this.owner.counters.uploadParts++;
    const client = this.clients.get(message.id);
    if (client === undefined || !client.uploading) {
      this.owner.counters.orphans++;
      if (client?.closed !== true) this.transmit(encodeControl(this.epoch, message.server, message.id, { cancel: true }));
      return;
    }
    // An app has to answer in time once it has the body; how long that takes is up to the client.
    client.dueTick = 0;
    const sink = client.upload;
    if (message.done) {
      client.uploading = false;
      client.upload = undefined;
    }
    sink?.part(message);
    this.owner.message(client, message);
    if (message.done) this.settle(client);
  }

  private frame(message: Extract<M2Request, { kind: 'websocket' }>): void {
    this.owner.counters.frames++;
    const client = this.clients.get(message.id);
    if (client === undefined || !client.lasting) {
      this.owner.counters.orphans++;
      // One that is being closed may still have something to be sent, which must not be cut into.
      if (client?.closed !== true) closeOrphan(this.stranger(message));
      return;
    }
    this.owner.message(client, message);
  }

  private client(message: M2Request): Client {
    let client = this.clients.get(message.id);
    if (client === undefined) {
      client = this.stranger(message);
      this.list(client);
    }
    return client;
  }

  /** A record that nothing refers to: for messages of clients that are not known here. */
  private stranger(message: M2Request): Client {
    return new Client(this, message.server, message.id, this.epoch);
  }

  /** Takes in a client that is not at rest: a new one, or one that a handler kept and writes to again. */
  list(client: Client): void {
    if (this.clients.has(client.id)) return;
    client.listed = true;
    this.clients.set(client.id, client);
  }

  private unlist(client: Client): void {
    if (!client.listed) return;
    client.listed = false;
    this.clients.delete(client.id);
  }

  private malformed(error: M2Error): void {
    const count = ++this.owner.counters.malformed;
    if (!worthLogging(count)) return;
    this.logger.warn(`A message from ${this.server.sendSpec} could not be read (${count} so far): ${error.message}`, { error });
  }

  /** Prefetched before the server went away and read after: its client is gone, and its id may be a stranger's by now. */
  private stale(message: M2Request, epoch: number): void {
    if (!opens(message)) {
      this.owner.counters.orphans++;
      return;
    }
    this.owner.counters.received++;
    this.stored.drop(message);
    this.owner.ended(message.server, epoch, message.id, 'clientGone', false);
  }

  // --- outbound -----------------------------------------------------------------------------------------------------

  transmit(reply: Reply): void {
    const link = this.transportLink;
    if (link === undefined || link.send(reply) || this.congested || reply.epoch !== this.epoch) return;
    this.congested = true;
    void link.drained().then(() => this.relieved());
  }

  private relieved(): void {
    this.congested = false;
    this.flushAll();
  }

  private flushAll(): void {
    for (const client of [...this.clients.values()]) client.flush();
  }

  /** Sends what a client was given in pieces, once the IO of this tick is done. */
  flushAfterTick(client: Client): void {
    this.dirty.push(client);
    if (this.dirty.length === 1) afterTick(this.flushDirty);
  }

  private readonly flushDirty = (): void => {
    const clients = this.dirty;
    this.dirty = [];
    for (const client of clients) client.flush();
  };

  /** Counts the one end of a request. */
  ended(client: Client, outcome: Outcome, truncated: boolean): void {
    this.flow.answered++;
    this.owner.ended(client.server, client.epoch, client.id, outcome, truncated);
  }

  /** All that a plain handler has sent so far is out; when its call is over too, the answer is complete. */
  plainSend(client: Client): void {
    if (!client.settled || !client.answered || client.bufferedAmount > 0) return;
    client.replied(false, true);
    client.complete(dropUnreadBody(client));
  }

  /** The client's current request needs its handler no more. */
  release(client: Client): void {
    if (client.current !== undefined && client.started) this.owner.released();
    // A handler that made no HttpExchange did not look at it.
    client.storedFile?.close();
    client.storedFile = undefined;
    client.storedNowhere = false;
    client.sweeps = 0;
    client.current = undefined;
    client.owner = undefined;
    client.started = false;
  }

  /** Starts the client's next pipelined request, or forgets the client. */
  next(client: Client): void {
    const message = client.closed ? undefined : client.pending?.shift();
    if (message === undefined) return this.settle(client);
    this.owner.unqueued(message);
    this.open(client, message);
  }

  /** Refuses what waits behind the client's current request; true when there was something. */
  shedPending(client: Client): boolean {
    return this.endPending(client, 'shed');
  }

  private endPending(client: Client, outcome: 'shed' | 'clientGone'): boolean {
    const { pending = [] } = client;
    client.pending = undefined;
    for (const message of pending) {
      this.owner.unqueued(message);
      this.stored.drop(message);
      this.ended(client, outcome, false);
    }
    return pending.length > 0;
  }

  /** Forgets a client for which a fresh record would be the same. */
  settle(client: Client): void {
    if (client.listed && client.atRest) this.unlist(client);
  }

  /** A client is gone: ends what was open on it. */
  left(client: Client, cause: M2Error, answers: boolean): void {
    this.unlist(client);
    const { current, owner, upload, stored } = client;
    this.release(client);
    client.uploading = false;
    client.upload = undefined;
    client.stored = undefined;
    upload?.fail(cause);
    stored?.file?.abandon(cause);
    if (current !== undefined) {
      owner?.gone(cause);
      // A handler that closes instead of answering has answered, if not well.
      this.ended(client, answers ? 'replied' : 'clientGone', answers);
    }
    this.endPending(client, 'clientGone');
  }

  /** Keeps what is open alive, and forgets what only waits for notices that do not come (protocol 12). */
  sweep(): void {
    const { open, forgotten, overdue } = sweepClients(this.clients.values(), this.options.maxTargets);
    for (const client of forgotten) this.unlist(client);
    for (const client of overdue) client.cancel();
    for (const [server, ids] of open) this.transmit(encodeControl(this.epoch, server, ids, { keepAlive: true }));
  }

  /** Ends every client of this server here; replies that were handed over still go out. */
  stop(): void {
    this.stopped = true;
    this.pacer.stop();
    this.flow.stop();
    const cause = new M2Error('M2_CLOSED', 'The connection to Mongrel2 was closed.');
    for (const client of [...this.clients.values()]) client.leave(cause);
  }
}
