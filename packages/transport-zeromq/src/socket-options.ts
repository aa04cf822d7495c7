import type { ZeromqPublisherOptions, ZeromqSocketOptions } from './zeromq-api.js';

/** libzmq's own reconnecting put off for a day: by then the socket is long replaced. */
const NEVER_RECONNECT_MS = 86_400_000;

/** Whole calls (joined or not) that libzmq may hold for the peer; beyond it they wait in our own queue, which counts bytes. */
const JOINED_CALLS = 16;
const SINGLE_CALLS = 256;

function connectOptions(address: string): ZeromqSocketOptions {
  return {
    linger: 0,
    // Only where it is asked for: with it, a name that has both kinds of address resolves to IPv6 alone.
    ...(address.includes('[') ? { ipv6: true } : {}),
    // Not -1: with that, libzmq 4.3.5 throws away what a lost PULL had received.
    reconnectInterval: NEVER_RECONNECT_MS,
    connectTimeout: 5000,
    handshakeInterval: 10_000,
    // A peer whose host vanished without a word is noticed after about a minute. ZMTP heartbeats would do it faster, but
    // can abort the whole process (libzmq issues 3937 and 4767).
    tcpKeepalive: 1,
    tcpKeepaliveIdle: 30,
    tcpKeepaliveInterval: 10,
    tcpKeepaliveCount: 3,
  };
}

/** Options of the XPUB socket that replies go out by. */
export function publisherOptions(address: string, join: boolean): ZeromqPublisherOptions {
  return {
    ...connectOptions(address),
    immediate: true,
    noDrop: true,
    sendHighWaterMark: join ? JOINED_CALLS : SINGLE_CALLS,
  };
}

/**
 * Options of the PULL socket that requests come by. Not `immediate`: with it libzmq 4.3.5 discards what was received
 * and not yet read when the connection ends. The receive high-water mark stays at the library's default.
 */
export const pullerOptions = (address: string): ZeromqSocketOptions => connectOptions(address);
