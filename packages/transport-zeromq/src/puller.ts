import { type ConnectionEnd, ConnectionMonitor, closeSocket } from './connection-monitor.js';
import { ReceiveLoop, turns } from './receive-loop.js';
import type { ZeromqReadable } from './zeromq-api.js';

/** What a puller tells its incarnation. */
export interface PullerOwner {
  /** Whether the incarnation still stands. */
  alive(): boolean;
  messages(batch: readonly Uint8Array[]): void;
  /** It was connected and is not any more. */
  lost(error: unknown): void;
  /** It could not connect. */
  unreachable(reason: ConnectionEnd, error: unknown): void;
}

/** The PULL socket of one incarnation, with its monitor and its receive loop. */
export class Puller {
  private readonly monitor: ConnectionMonitor;
  private readonly loop: ReceiveLoop;
  private checking: Promise<void> | undefined;
  private reading = false;
  private closing: Promise<void> | undefined;

  /**
   * Connects.
   * @throws what the zeromq module throws for an address.
   */
  constructor(
    private readonly socket: ZeromqReadable,
    address: string,
    private readonly owner: PullerOwner,
  ) {
    this.loop = new ReceiveLoop(
      socket,
      (batch) => owner.messages(batch),
      (error) => {
        if (this.closing === undefined) owner.lost(error);
      },
    );
    this.monitor = new ConnectionMonitor(
      socket,
      () => {
        this.checking = this.check();
      },
      (reason, error) => {
        if (this.closing !== undefined) return;
        if (reason === 'lost') owner.lost(error);
        else owner.unreachable(reason, error);
      },
    );
    try {
      socket.connect(address);
    } catch (error) {
      this.closing = closeSocket(socket, this.monitor, 0);
      throw error;
    }
  }

  /** Reads on until nothing comes, at most `drainMs`, then closes. Idempotent. */
  close(drainMs: number): Promise<void> {
    this.closing ??= this.drainAndClose(drainMs);
    return this.closing;
  }

  /**
   * A server that was restarted between the publisher's connection and this one would give its requests to the old
   * epoch. libzmq's one IO thread saw the old connection end before it saw this one begin, and whatever was signalled
   * before is dispatched within a turn: who is alive after two is the server that the publisher talks to.
   */
  private async check(): Promise<void> {
    await turns(2);
    if (!this.owner.alive()) return;
    this.reading = true;
    this.loop.start();
  }

  private async drainAndClose(drainMs: number): Promise<void> {
    await this.checking;
    if (this.reading && drainMs > 0) await this.loop.quiet(drainMs);
    await closeSocket(this.socket, this.monitor, 0);
  }
}
