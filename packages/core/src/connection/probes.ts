import type { Clock } from '../clock.js';
import type { Logger } from '../logger.js';
import type { ServeCounters } from '../serve/counters.js';
import { encodeControl } from '../wire/outbound.js';
import type { Client } from './client.js';
import { worthLogging } from './worth-logging.js';

/** How long the answer to a probe is waited for, in milliseconds: it stands behind all that waits in Mongrel2's reply socket. */
const PATIENCE_MS = 10_000;
/** Probes that are remembered at most. */
const REMEMBERED = 1024;

interface Probe {
  readonly at: number;
  /** A disconnect notice came since. */
  noticed: boolean;
}

/**
 * Without flow control Mongrel2 drops the client whose queue is full and tells nobody (protocol 8). The next message bounces as
 * a disconnect notice, so that an answer with more to come is found out; behind one that is complete a probe takes the place
 * of that message. It is a keep-alive for the same connection twice, right behind the answer's last byte: one that was dropped
 * gives two notices, a client that leaves when it has read everything gives one.
 */
export class Probes {
  /** By connection id, oldest first. */
  private readonly sent = new Map<number, Probe>();

  constructor(
    private readonly clock: Clock,
    private readonly logger: Logger,
    private readonly counters: ServeCounters,
  ) {}

  /** Asks whether the client is still there; called when the last byte of an answer was handed over. */
  send(client: Client): void {
    const { id, epoch, server } = client;
    client.link.transmit(encodeControl(epoch, server, [id, id], { keepAlive: true }));
    // Taken out first, so that it stands behind those that were sent before.
    this.sent.delete(id);
    if (this.sent.size >= REMEMBERED) for (const oldest of this.sent.keys()) if (this.sent.delete(oldest)) break;
    this.sent.set(id, { at: this.clock.now(), noticed: false });
  }

  /** The client goes on, so that it was there when it was asked. */
  alive(id: number): void {
    if (this.sent.size > 0) this.sent.delete(id);
  }

  /** A disconnect notice came. */
  notice(id: number): void {
    const probe = this.sent.get(id);
    if (probe === undefined) return;
    const late = this.clock.now() - probe.at > PATIENCE_MS;
    if (probe.noticed || late) this.sent.delete(id);
    if (late) return;
    if (!probe.noticed) {
      probe.noticed = true;
      return;
    }
    const count = ++this.counters.truncated;
    if (worthLogging(count)) {
      this.logger.warn(
        `Connection ${id} was gone before the end of its last answer reached it: without download.flow_control Mongrel2 drops a ` +
          'client that reads too slowly. The answer is counted as truncated.',
        { id, truncated: count },
      );
    }
  }

  /** Connection ids mean other clients from here on. */
  clear(): void {
    this.sent.clear();
  }
}
