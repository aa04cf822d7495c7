import { M2Error } from '@m2/core';
import { encodeCommand, frameHead } from './frame-encoder.js';

/** The socket types that m2 uses and their peers. */
export type SocketType = 'PULL' | 'PUSH' | 'PUB' | 'XPUB' | 'SUB' | 'XSUB' | 'DEALER' | 'ROUTER' | 'REQ' | 'REP';

/** Which peers a socket type talks to (RFC 28, 29, 30). */
const PEERS: Readonly<Record<SocketType, readonly string[]>> = {
  PULL: ['PUSH'],
  PUSH: ['PULL'],
  PUB: ['SUB', 'XSUB'],
  XPUB: ['SUB', 'XSUB'],
  SUB: ['PUB', 'XPUB'],
  XSUB: ['PUB', 'XPUB'],
  DEALER: ['REP', 'DEALER', 'ROUTER'],
  ROUTER: ['REQ', 'DEALER', 'ROUTER'],
  REQ: ['REP', 'ROUTER'],
  REP: ['REQ', 'DEALER'],
};

/** A command as it came. */
export interface Command {
  readonly name: string;
  readonly data: Buffer;
}

/**
 * Splits a command frame's body.
 * @throws M2Error `M2_PEER_PROTOCOL`
 */
export function decodeCommand(body: Buffer): Command {
  const length = body[0] ?? 0;
  if (length === 0 || 1 + length > body.length) throw new M2Error('M2_PEER_PROTOCOL', 'The peer sent a command without a name.');
  return { name: body.toString('latin1', 1, 1 + length), data: body.subarray(1 + length) };
}

/** The READY command of a socket (RFC 37 "NULL"). */
export function encodeReady(type: SocketType, identity: Buffer): Buffer {
  const withIdentity = type === 'REQ' || type === 'DEALER' || type === 'ROUTER';
  const properties = [property('Socket-Type', Buffer.from(type, 'latin1'))];
  if (withIdentity) properties.push(property('Identity', identity));
  return encodeCommand('READY', Buffer.concat(properties));
}

function property(name: string, value: Buffer): Buffer {
  const head = Buffer.alloc(1 + name.length + 4);
  head[0] = name.length;
  head.write(name, 1, 'latin1');
  head.writeUInt32BE(value.length, 1 + name.length);
  return Buffer.concat([head, value]);
}

/**
 * Reads a READY command's metadata; names in lower case, since they are case-insensitive.
 * @throws M2Error `M2_PEER_PROTOCOL`
 */
export function decodeMetadata(data: Buffer): Map<string, Buffer> {
  const metadata = new Map<string, Buffer>();
  for (let at = 0; at < data.length; ) {
    const nameEnd = at + 1 + (data[at] as number);
    const valueStart = nameEnd + 4;
    if (nameEnd === at + 1 || valueStart > data.length) throw badMetadata();
    const valueEnd = valueStart + data.readUInt32BE(nameEnd);
    if (valueEnd > data.length) throw badMetadata();
    metadata.set(data.toString('latin1', at + 1, nameEnd).toLowerCase(), Buffer.from(data.subarray(valueStart, valueEnd)));
    at = valueEnd;
  }
  return metadata;
}

const badMetadata = () => new M2Error('M2_PEER_PROTOCOL', "The metadata of the peer's READY command is malformed.");

/**
 * Checks that two socket types talk to each other.
 * @throws M2Error `M2_PEER_TYPE`
 */
export function checkPeerType(own: SocketType, peer: string): void {
  if (PEERS[own].includes(peer)) return;
  throw new M2Error(
    'M2_PEER_TYPE',
    `The peer is a ${peer || 'nameless'} socket, and a ${own} socket talks to ${PEERS[own].join(', ')} only.`,
    {
      details: { own, peer },
    },
  );
}

/** Why the peer refused us: an ERROR command's text. */
export const decodeErrorReason = (data: Buffer): string =>
  data.toString('latin1', 1, 1 + Math.min(data[0] ?? 0, data.length - 1));

/** An ERROR command. `reason` is cut at 255 bytes. */
export function encodeError(reason: string): Buffer {
  const text = Buffer.from(reason.slice(0, 255), 'latin1');
  return encodeCommand('ERROR', Buffer.concat([Buffer.from([text.length]), text]));
}

/** The answer to a PING: its context, at most 16 bytes, comes back (RFC 37 "Heartbeating"). */
export const encodePong = (ping: Buffer): Buffer => encodeCommand('PONG', ping.subarray(2, 18));

/**
 * Asks for messages that begin with `prefix` (latin1), or takes that back: a command for peers of ZMTP 3.1, for those of 3.0 a message of
 * 1 or 0 and the prefix.
 */
export function encodeSubscription(minor: number, subscribe: boolean, prefix: string): Buffer {
  if (minor >= 1) return encodeCommand(subscribe ? 'SUBSCRIBE' : 'CANCEL', Buffer.from(prefix, 'latin1'));
  return Buffer.from(`${frameHead(1 + prefix.length, false)}${subscribe ? '\x01' : '\x00'}${prefix}`, 'latin1');
}
