/** Counts since the front was started; they only grow, but for `open`. */
export interface FrontStats {
  /** TCP connections taken. */
  accepted: number;
  /** Of those, how many are open now. */
  open: number;
  /** Messages handed to handlers' sockets: requests, parts, frames. */
  messages: number;
  /** Disconnect and credits notices handed to handlers' sockets. */
  notices: number;
  /** Replies that were read, good ones. */
  replies: number;
  /** Replies that Mongrel2 would not take; each but the harmless ones held up its handler's replies for 100 ms. */
  badReplies: number;
  /** Good replies that Mongrel2 would swallow because of its sticky X flag (protocol 5). */
  swallowed: number;
  /** Replies to clients that were gone; each was answered with a disconnect notice. */
  bounced: number;
  /** Replies dropped because too many waited behind a bad one. */
  lostReplies: number;
  /** Clients dropped because more than 16 messages waited for them, or because of the byte window (protocol 8). */
  killed: number;
  /** Closing replies that found 16 messages waiting and were lost (protocol 8). */
  lostCloses: number;
  /** Messages and notices that a handler's socket would not take because too many waited in it. */
  undelivered: number;
  /** Requests that the front answered itself: 400, 404, 413, 417, 502. */
  refused: number;
}

/** All zero. */
export const newStats = (): FrontStats => ({
  accepted: 0,
  open: 0,
  messages: 0,
  notices: 0,
  replies: 0,
  badReplies: 0,
  swallowed: 0,
  bounced: 0,
  lostReplies: 0,
  killed: 0,
  lostCloses: 0,
  undelivered: 0,
  refused: 0,
});
