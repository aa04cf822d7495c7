import { type Client, type Clock, deliver, frameHeader, Opcode } from '@m2/core';

/** What is listened to. */
export interface Pulse {
  readonly client: Client;
  /** How many rounds have passed since it was last heard. */
  quietRounds: number;
}

const PING = frameHeader(Opcode.ping, 0);

/**
 * Finds clients that vanished without a word: Mongrel2 would cut quiet connections by itself, but m2 keeps them alive
 * (protocol 12). In each round, those that were quiet since the last one get a ping, and those that did not answer one
 * are cut off. The ping is one message for up to 128 of them.
 */
export class Heartbeat<P extends Pulse> {
  private cancel: (() => void) | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly ms: number,
    private readonly pulses: () => Iterable<P>,
    private readonly cutOff: (pulse: P) => void,
  ) {}

  /** Runs from now on; idempotent. */
  start(): void {
    if (this.cancel === undefined && this.ms > 0) this.cancel = this.clock.after(this.ms, () => this.round());
  }

  stop(): void {
    this.cancel?.();
    this.cancel = undefined;
  }

  private round(): void {
    this.cancel = undefined;
    const quiet: Client[] = [];
    const lost: P[] = [];
    for (const pulse of this.pulses()) {
      this.start();
      // A ping would wait behind the bytes that wait already; that a client reads nothing at all, TCP finds out.
      pulse.quietRounds = pulse.client.bufferedAmount > 0 ? 1 : pulse.quietRounds + 1;
      if (pulse.quietRounds === 2) quiet.push(pulse.client);
      else if (pulse.quietRounds > 2) lost.push(pulse);
    }
    deliver(quiet, PING);
    for (const pulse of lost) this.cutOff(pulse);
  }
}
