import { afterTick } from '@m2/core';
import type { ZeromqReadable } from './zeromq-api.js';

/** How long nothing may arrive until what was on its way counts as read, in milliseconds. */
const QUIET_MS = 20;

/**
 * The one receive loop of a socket: reads all there is and hands it over in batches, one call for as many messages as
 * could be read without waiting.
 */
export class ReceiveLoop {
  private batch: Uint8Array[] = [];
  private answered = 0;
  private looked = 0;

  /**
   * @param deliver gets each batch; must not throw.
   * @param failed is called when receiving ends, with what the socket said; also when that was its `close()`.
   */
  constructor(
    private readonly socket: ZeromqReadable,
    private readonly deliver: (batch: readonly Uint8Array[]) => void,
    private readonly failed: (error: unknown) => void,
  ) {}

  /** Starts reading. Call it once. */
  start(): void {
    this.next();
  }

  /** Hands over what was read and not yet delivered; before a `close()` of the socket nothing is left behind. */
  flush(): void {
    if (this.batch.length === 0) return;
    const batch = this.batch;
    this.batch = [];
    this.deliver(batch);
  }

  /**
   * Resolves when nothing arrived for two turns of the event loop and {@link QUIET_MS}, or after `limitMs` of constant
   * arrivals; all that was read by then is delivered.
   */
  async quiet(limitMs: number): Promise<void> {
    const deadline = performance.now() + limitMs;
    let seen: number;
    do {
      seen = this.answered;
      await turns(2);
      await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
      await turns(2);
    } while (this.answered !== seen && performance.now() < deadline);
    this.flush();
  }

  private next(): void {
    let received: Promise<readonly Uint8Array[]>;
    try {
      received = this.socket.receive();
    } catch (error) {
      this.flush();
      this.failed(error);
      return;
    }
    received.then(this.took, this.refused);
    // Promises of messages that wait in the socket are resolved already: then `took` runs before `look`, and the batch
    // grows. When `look` comes first, the socket is empty. No promise, timer or closure of our own per message.
    queueMicrotask(this.look);
  }

  private readonly took = (parts: readonly Uint8Array[]): void => {
    this.answered++;
    // Whoever joins several messages as parts of one means as many messages.
    for (const part of parts) this.batch.push(part);
    this.next();
  };

  private readonly look = (): void => {
    this.looked++;
    if (this.answered < this.looked) this.flush();
  };

  private readonly refused = (error: unknown): void => {
    this.flush();
    this.failed(error);
  };
}

/** Lets the event loop turn `count` times, so that whatever is readable gets read. */
export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise<void>((resolve) => afterTick(resolve));
}
