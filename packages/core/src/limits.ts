/** What the parser of inbound messages allows. Sizes in bytes. */
export interface WireLimits {
  /** The whole message. Default 128 MiB: Mongrel2's own bodies are bounded by limits.content_length, WebSocket messages are not. */
  readonly messageBytes: number;
  /** The header block, its netstring framing not counted. Default 128 KiB. */
  readonly headerBytes: number;
  /** Distinct header names, Mongrel2's own included. Default 1,300 (limits.header_count is 1,280). */
  readonly headerCount: number;
  /** UUID and path words. Default 64 KiB together. */
  readonly prefixBytes: number;
}

/** The defaults of {@link WireLimits}. */
export const defaultWireLimits: WireLimits = Object.freeze({
  messageBytes: 128 * 1024 * 1024,
  headerBytes: 128 * 1024,
  headerCount: 1300,
  prefixBytes: 64 * 1024,
});

/** At most so many connection ids in one reply: Mongrel2's default limits.handler_targets (protocol 4). */
export const MAX_TARGETS = 128;

/** Unacknowledged bytes that Mongrel2 allows per connection under flow control, and the longest single message then (protocol 8). */
export const FLOW_WINDOW_BYTES = 102_400;

/** Messages that Mongrel2 queues per connection without flow control; one more and the client is dropped (protocol 8). */
export const MAX_QUEUED_MESSAGES = 16;
