import type { Clock } from '../clock.js';
import { Barrier } from './barrier.js';
import type { Client } from './client.js';

/** One turn of the pacer, in milliseconds. Sixty one-line replies sent 2 ms apart all arrived; in one burst two did (protocol 8). */
const TURN_MS = 4;
/** Messages per client that a turn takes as written to the client. */
const MESSAGES_PER_TURN = 2;
/** Bytes per client that a turn takes as written: 64 MB/s. */
export const BYTES_PER_TURN = 256 * 1024;

/**
 * Without flow control Mongrel2 tells nobody what it has written, and kills the client whose 17th message is queued
 * (protocol 8). So each message counts as unproven until an assumed rate has passed over it, and Mongrel2 has shown that it
 * does not stand still. One timer for all clients of a server, and none while nothing is unproven.
 */
export class Pacer {
  readonly barrier: Barrier;
  private clients: Client[] = [];
  private running = false;
  private cancel: (() => void) | undefined;

  constructor(private readonly clock: Clock) {
    this.barrier = new Barrier(clock);
  }

  /** Watches a client that has unproven messages; called once until {@link Client.prove} says that none are left. */
  watch(client: Client): void {
    this.clients.push(client);
    if (client.hadMany) this.barrier.ask(client);
    if (!this.running) this.schedule();
  }

  /** Forgets every client and stops the timer. */
  stop(): void {
    this.cancel?.();
    this.barrier.reset();
    this.clients = [];
    this.running = false;
  }

  private schedule(): void {
    this.running = true;
    this.cancel = this.clock.after(TURN_MS, () => this.turn());
  }

  private turn(): void {
    this.running = false;
    const due = this.clients;
    this.clients = [];
    const { isOpen } = this.barrier;
    let asker: Client | undefined;
    for (const client of due) {
      const waits = client.hadMany && !isOpen;
      if (!waits && !client.prove(MESSAGES_PER_TURN, BYTES_PER_TURN)) continue;
      this.clients.push(client);
      if (client.hadMany) asker = client;
    }
    if (asker !== undefined) this.barrier.ask(asker);
    if (this.clients.length > 0 && !this.running) this.schedule();
  }
}
