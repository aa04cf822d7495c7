/** What a connection allows its peer. */
export interface ZmtpLimits {
  /** Longest frame in bytes; a longer one ends the connection before its bytes are read. Default 256 MiB. */
  readonly frameBytes: number;
  /** Bytes of one message in all its frames. Default 256 MiB. */
  readonly messageBytes: number;
  /** Frames of one message. Default 65,536: the zeromq transport joins the replies of a tick as frames of one message. */
  readonly messageFrames: number;
  /** How long connecting may take, and then greeting and handshake, in milliseconds each. Default 10,000. */
  readonly handshakeMs: number;
  /** Prefixes that one peer of a publisher may subscribe to. Default 10,000. */
  readonly subscriptions: number;
}

/** The defaults of {@link ZmtpLimits}. */
export const defaultZmtpLimits: ZmtpLimits = Object.freeze({
  frameBytes: 256 * 1024 * 1024,
  messageBytes: 256 * 1024 * 1024,
  messageFrames: 65_536,
  handshakeMs: 10_000,
  subscriptions: 10_000,
});

/** Longest command in bytes, READY with its metadata and SUBSCRIBE with its prefix; so also the longest prefix. */
export const COMMAND_BYTES = 64 * 1024;

/** A PING is not answered while more bytes than these wait to be sent: who reads nothing needs no sign of life. */
export const PONG_BACKLOG_BYTES = 1024 * 1024;
