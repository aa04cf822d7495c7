import type { Clock } from '@m2/core';

/** How long streams of events have for a farewell once the server stops, in milliseconds, but at most a quarter of the grace time. */
const FAREWELL_MS = 1000;

/** A response stream that can be ended from outside. */
export interface Endable {
  /** Ends the stream where it is, as if the app had. Idempotent. */
  finish(): void;
}

/** The response streams that are under way. */
export class ResponseStreams {
  private readonly open = new Map<Endable, boolean>();
  private state: 'serving' | 'stopping' | 'ending' = 'serving';

  constructor(private readonly clock: Clock) {}

  /** A stream begins. */
  add(stream: Endable, endless: boolean): void {
    this.open.set(stream, endless);
    if (endless && this.state === 'ending') stream.finish();
  }

  /** A stream is over. */
  delete(stream: Endable): void {
    this.open.delete(stream);
  }

  /** The server stops: streams of events, which would never end, are told by their signal, and are ended a little later. */
  stopping(graceMs: number): void {
    if (this.state !== 'serving') return;
    this.state = 'stopping';
    this.clock.after(Math.min(FAREWELL_MS, graceMs / 4), () => {
      this.state = 'ending';
      for (const [stream, endless] of [...this.open]) if (endless) stream.finish();
    });
  }

  /** Time is up: whatever still makes a body is told that nobody reads it. */
  close(): void {
    this.state = 'ending';
    for (const stream of [...this.open.keys()]) stream.finish();
  }
}
