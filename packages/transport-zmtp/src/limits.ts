/** What a connection allows its peer. */
export interface ZmtpLimits {
  /** Longest frame in bytes; a longer one ends the connection before its bytes are read. Default 256 MiB. */
  readonly frameBytes: number;
  /** Bytes of one message in all its frames. Default 256 MiB. */
  readonly messageBytes: number;
  /** Frames of one message. Default 1,024. */
  readonly messageFrames: number;
  /** How long greeting and handshake may take, in milliseconds. Default 10,000. */
  readonly handshakeMs: number;
}

/** The defaults of {@link ZmtpLimits}. */
export const defaultZmtpLimits: ZmtpLimits = Object.freeze({
  frameBytes: 256 * 1024 * 1024,
  messageBytes: 256 * 1024 * 1024,
  messageFrames: 1024,
  handshakeMs: 10_000,
});

/** Longest command in bytes: READY with its metadata, SUBSCRIBE with its prefix. */
export const COMMAND_BYTES = 64 * 1024;
