/** What a WebSocket handler counted since it was made; only the first three can go down. */
export interface WebSocketStats {
  /** Connections that are open, or closing. */
  peers: number;
  /** Handshakes whose `upgrade` is not decided. */
  upgrading: number;
  /** Topics that someone subscribed to. */
  topics: number;
  /** Handshakes that were accepted. */
  opened: number;
  /** Handshakes that were answered with an error, by m2 or by `upgrade`. */
  refused: number;
  /** Messages that were handed to `message`. */
  received: number;
  /** Messages that were sent, one for each peer that a published one goes to. */
  sent: number;
  /** Messages that were not sent because their peer was not open. */
  unsent: number;
  /** Clients that broke the protocol or a limit, and were closed for it. */
  violations: number;
  /** Frames that came after the close frame was sent, and were dropped. */
  ignored: number;
  /** Clients that were cut off because they did not answer a ping, or a close frame in time. */
  silent: number;
  /** Hooks that threw or rejected. */
  hookErrors: number;
}

/** All zero. */
export const newWebSocketStats = (): WebSocketStats => ({
  peers: 0,
  upgrading: 0,
  topics: 0,
  opened: 0,
  refused: 0,
  received: 0,
  sent: 0,
  unsent: 0,
  violations: 0,
  ignored: 0,
  silent: 0,
  hookErrors: 0,
});
