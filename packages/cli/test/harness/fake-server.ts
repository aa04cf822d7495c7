import type { LinkStats, Server, ServerStats } from '@m2/core';

const link: LinkStats = {
  sendSpec: 'tcp://127.0.0.1:9999',
  recvSpec: 'tcp://127.0.0.1:9998',
  up: false,
  epoch: 0,
  subscription: undefined,
  flowControl: 'unknown',
  received: 0,
  sent: 0,
  stale: 0,
  overflowed: 0,
  lost: 0,
};

/** A server that does what the test says. */
export class FakeServer implements Server {
  readonly ready: Promise<void>;
  readonly closed: Promise<void>;
  /** The grace times of every `stop()`. */
  readonly stops: (number | undefined)[] = [];
  inFlight = 0;
  reload?: () => Promise<void>;
  private links: readonly LinkStats[] = [link];
  private setReady: () => void = () => {};
  private setFailed: (error: Error) => void = () => {};
  private setClosed: () => void = () => {};
  private setStopped: (result: { unfinished: number }) => void = () => {};
  private readonly stopped: Promise<{ unfinished: number }>;

  constructor() {
    this.ready = new Promise((resolve, reject) => {
      this.setReady = resolve;
      this.setFailed = reject;
    });
    this.ready.catch(() => {});
    this.closed = new Promise((resolve) => {
      this.setClosed = resolve;
    });
    this.stopped = new Promise((resolve) => {
      this.setStopped = resolve;
    });
  }

  /** The subscription was seen. */
  up(): void {
    this.links = [{ ...link, up: true, epoch: 1 }];
    this.setReady();
  }

  /** Mongrel2 went away. */
  down(): void {
    this.links = [{ ...link, epoch: 1 }];
  }

  fail(error: Error): void {
    this.setFailed(error);
  }

  /** It ends without having been asked to. */
  end(): void {
    this.setClosed();
  }

  /** What `stop()` was waiting for is over. */
  finish(unfinished: number): void {
    this.setStopped({ unfinished });
    this.setClosed();
  }

  stats(): ServerStats {
    return { counters: {} as ServerStats['counters'], inFlight: this.inFlight, queued: 0, queuedBytes: 0, links: this.links };
  }

  stop(options?: { graceMs?: number }): Promise<{ unfinished: number }> {
    this.stops.push(options?.graceMs);
    return this.stopped;
  }
}
