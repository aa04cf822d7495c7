import type { Clock } from '../clock.js';
import { encodeControl } from '../wire/outbound.js';
import type { Client } from './client.js';

/** A connection id that Mongrel2 gives to nobody: the first one is 1. */
export const NOBODY = 0;

/** How long the answer is waited for, in milliseconds; a Mongrel2 that is stopped or has no processor for so long is rare. */
const PATIENCE_MS = 1000;
/** So many answers that did not come mean that they go elsewhere: to another handler on the same addresses. */
const MISSES = 3;

/**
 * Whether Mongrel2 has taken what was sent to it: a keep-alive for a connection that never is bounces as a disconnect notice
 * (protocol 11), behind everything that was sent before. While Mongrel2 stands still, nothing is told by time that passes: all
 * that is sent meanwhile it would queue in one burst, and drop the client over its 17th message.
 */
export class Barrier {
  private askedAt: number | undefined;
  private missed = 0;

  constructor(private readonly clock: Clock) {}

  /** Asks, unless an answer is still to come. `client` is any of those that something was sent to. */
  ask({ link, epoch, server }: Client): void {
    if (this.missed >= MISSES || this.askedAt !== undefined) return;
    this.askedAt = this.clock.now();
    link.transmit(encodeControl(epoch, server, NOBODY, { keepAlive: true }));
  }

  /** The answer came. */
  answered(): void {
    if (this.askedAt !== undefined) this.askedAt = undefined;
    else if (this.missed > 0 && this.missed < MISSES) this.missed--;
    // Somebody else asked.
    else this.missed = MISSES;
  }

  /** Nothing is known to stand in the way: no answer is waited for any more. */
  get isOpen(): boolean {
    if (this.askedAt === undefined) return true;
    if (this.clock.now() - this.askedAt < PATIENCE_MS) return false;
    this.missed++;
    this.askedAt = undefined;
    return true;
  }

  /** Mongrel2 was restarted. */
  reset(): void {
    this.askedAt = undefined;
    this.missed = 0;
  }
}
