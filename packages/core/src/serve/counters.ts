/**
 * What a server counted since it started. Every received request or WebSocket handshake ends in exactly one of the five
 * outcomes, so `replied + clientGone + shed + workerDied + timedOut + (open now) = received`, always.
 */
export interface ServeCounters {
  /** HTTP requests and WebSocket handshakes. */
  received: number;
  /** Answered: the answer was handed to the link, in the epoch that its request came in. */
  replied: number;
  /**
   * Of `replied`: answers that were cut short and their client closed; and those before whose end Mongrel2 had dropped the
   * client, which is found out later than the observer of ends is told (docs/flow-control.md).
   */
  truncated: number;
  /** The client (or its server) went away before the answer was complete. */
  clientGone: number;
  /** Refused with 503: too many open and too many waiting, or stopping. */
  shed: number;
  /** The worker that had it died (502). */
  workerDied: number;
  /** It took longer than the request timeout (504). */
  timedOut: number;
  /** Handlers that threw or answered nonsense; their requests are among `replied` (500) or `truncated`. */
  handlerErrors: number;
  /** WebSocket messages and control frames. */
  frames: number;
  /** Later parts of streamed uploads. */
  uploadParts: number;
  /** Requests that only claimed to be stored uploads (protocol 7.2); they were treated as ordinary ones. */
  forgedUploads: number;
  /** Requests whose body was over the body limit; among `replied`. */
  tooLarge: number;
  /** JSON and XML socket messages. */
  socketMessages: number;
  /** Disconnect, credits and unknown notices. */
  notices: number;
  /** Messages that could not be parsed. */
  malformed: number;
  /** Frames and upload parts of clients that are not known here; they are closed or cancelled. */
  orphans: number;
  /** Replies that were refused because they came after their client or epoch was over. */
  late: number;
}

/** All zero. */
export function newCounters(): ServeCounters {
  return {
    received: 0,
    replied: 0,
    truncated: 0,
    clientGone: 0,
    shed: 0,
    workerDied: 0,
    timedOut: 0,
    handlerErrors: 0,
    frames: 0,
    uploadParts: 0,
    forgedUploads: 0,
    tooLarge: 0,
    socketMessages: 0,
    notices: 0,
    malformed: 0,
    orphans: 0,
    late: 0,
  };
}
