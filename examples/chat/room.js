// One room for two kinds of clients: WebSockets, and JSON sockets, which are plain TCP. What one says, all hear.
import { deliver, utf8Bytes } from '@m2/core';

/** @typedef {{ readonly type: string, readonly [key: string]: unknown }} Message */

/** The topic of WebSocket clients that have joined. */
export const TOPIC = 'room';

const NAME = /^[\p{L}\p{N} ._-]{1,32}$/u;
const LONGEST = 500;

/**
 * A message as JSON sockets get it: one line, filled up with blanks to a multiple of three bytes. Without raw_payload
 * Mongrel2 sends each message as base64 with nothing in between; filled up, none ends in `=`, and the whole stream is base64.
 * @param {Message} message
 */
export function toLine(message) {
  const bytes = utf8Bytes(JSON.stringify(message));
  const padding = (3 - ((bytes.length + 1) % 3)) % 3;
  const line = new Uint8Array(bytes.length + padding + 1).fill(0x20);
  line.set(bytes);
  line[line.length - 1] = 0x0a;
  return line;
}

/**
 * Reads what a client sent: the message, or what is wrong with it.
 * @param {string} text
 * @returns {Message | string}
 */
export function readMessage(text) {
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    return 'This is no JSON.';
  }
  if (value?.type === 'join') {
    const fits = typeof value.name === 'string' && NAME.test(value.name);
    return fits ? value : 'A name is 1 to 32 letters, digits, blanks and ._-';
  }
  if (value?.type === 'say') {
    const fits = typeof value.text === 'string' && value.text.length > 0 && value.text.length <= LONGEST;
    return fits ? value : `A text is 1 to ${LONGEST} characters.`;
  }
  return 'Send {"type":"join","name":…} first, then {"type":"say","text":…}.';
}

/** Who is there, and what they say. */
export class Room {
  /** Members' names, by whatever stands for them. @type {Map<object, string>} */
  #names = new Map();
  /** @type {Set<import('@m2/core').Client>} */
  #sockets = new Set();
  /** @type {(topic: string, text: string) => number} */
  #publish;

  /** @param {(topic: string, text: string) => number} publish sends a text to the WebSocket clients of a topic */
  constructor(publish) {
    this.#publish = publish;
  }

  /** How many have joined. */
  get size() {
    return this.#names.size;
  }

  /**
   * A member or a newcomer sent a message. Returns what to tell only them, if anything. `join` is called when they have joined.
   * @param {object} member
   * @param {string} text
   * @param {() => void} join
   * @returns {Message | undefined}
   */
  receive(member, text, join) {
    const message = readMessage(text);
    if (typeof message === 'string') return { type: 'error', error: message };
    const name = this.#names.get(member);
    if (message.type === 'join') {
      if (name !== undefined) return { type: 'error', error: `You are ${name} already.` };
      this.#names.set(member, String(message.name));
      join();
      this.#tell({ type: 'joined', name: message.name, members: this.size });
    } else if (name === undefined) return { type: 'error', error: 'Join first.' };
    else this.#tell({ type: 'said', name, text: message.text });
    return undefined;
  }

  /** @param {object} member */
  leave(member) {
    const name = this.#names.get(member);
    if (name === undefined) return;
    this.#names.delete(member);
    this.#tell({ type: 'left', name, members: this.size });
  }

  /**
   * A JSON socket takes part from here on, until it is gone.
   * @param {import('@m2/core').Client} client
   */
  addSocket(client) {
    this.#sockets.add(client);
    client.onGone = () => {
      this.#sockets.delete(client);
      this.leave(client);
    };
  }

  /** One message of Mongrel2's protocol for up to 128 clients of each kind. @param {Message} message */
  #tell(message) {
    this.#publish(TOPIC, JSON.stringify(message));
    if (this.#sockets.size > 0) deliver(this.#sockets, toLine(message));
  }
}
