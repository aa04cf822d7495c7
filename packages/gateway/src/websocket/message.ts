import { utf8Bytes } from '@m2/core';

const decoder = new TextDecoder();

/** A whole message that a client sent. */
export class Message {
  /**
   * What was sent: a string for a text message, bytes for a binary one. The bytes are the message's own, and may be kept.
   */
  readonly data: string | Uint8Array;

  /** @internal */
  constructor(data: string | Uint8Array) {
    this.data = data;
  }

  /** The frame's opcode, in a word. */
  get type(): 'text' | 'binary' {
    return typeof this.data === 'string' ? 'text' : 'binary';
  }

  /** As text; of a binary message, what it is in UTF-8. */
  text(): string {
    return typeof this.data === 'string' ? this.data : decoder.decode(this.data);
  }

  /** As bytes; of a text message, its UTF-8. */
  bytes(): Uint8Array {
    return typeof this.data === 'string' ? utf8Bytes(this.data) : this.data;
  }

  /** Parsed as JSON. @throws SyntaxError as `JSON.parse` does; uncaught, it closes the peer with 1011. */
  json(): unknown {
    return JSON.parse(this.text());
  }

  /** As {@link text}, so that a message can be put into a template. */
  toString(): string {
    return this.text();
  }
}
