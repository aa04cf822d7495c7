import {
  decodeMessage,
  decodeReply,
  M2Error,
  type PeerLink,
  type PeerReceiver,
  type PeerSpec,
  type PeerTransport,
} from '@m2/core';
import type { RequestGate } from './app-process.js';

/** What may wait while it is held: less than the transport's own queue takes, so that all of it can be handed over at once. */
const MAX_MESSAGES = 500;
const MAX_BYTES = 32 * 1024 * 1024;

/**
 * A peer transport whose requests can be held back while the only handler is exchanged. What belongs to a request that the
 * handler has already (notices, upload parts, frames) is not held: it may be what the handler needs to finish.
 *
 * A closing PULL socket loses what is on its way to it. A handler that ended in order has answered all that it got; so what
 * it has not answered, it never got, and goes to the next one.
 */
export class HoldingTransport implements PeerTransport, RequestGate {
  readonly name: string;
  private readonly links: HoldingLink[] = [];
  private held = false;

  constructor(private readonly transport: PeerTransport) {
    this.name = transport.name;
  }

  async bind(spec: PeerSpec, receiver: PeerReceiver): Promise<PeerLink> {
    const unanswered = new Map<number, Uint8Array[]>();
    const watching: PeerReceiver = {
      replies(batch) {
        for (const reply of batch) {
          const decoded = decodeReply(reply);
          if (!(decoded instanceof M2Error)) for (const id of decoded.ids) unanswered.delete(id);
        }
        receiver.replies(batch);
      },
    };
    const link = new HoldingLink(await this.transport.bind(spec, watching), unanswered, () => this.held);
    this.links.push(link);
    return link;
  }

  hold(): void {
    this.held = true;
  }

  ended(inOrder: boolean): void {
    if (!inOrder) for (const link of this.links) link.giveUp();
  }

  release(): void {
    if (!this.held) return;
    this.held = false;
    for (const link of this.links) link.flush();
  }
}

class HoldingLink implements PeerLink {
  readonly sendSpec: string;
  readonly recvSpec: string;
  private waiting: Uint8Array[] = [];
  private bytes = 0;
  /** Clients with something that waits: what follows it must not overtake it. */
  private readonly ids = new Set<number>();

  constructor(
    private readonly link: PeerLink,
    /** Requests that were sent and not answered with anything yet, and what followed them, by client. */
    private readonly unanswered: Map<number, Uint8Array[]>,
    private readonly isHeld: () => boolean,
  ) {
    this.sendSpec = link.sendSpec;
    this.recvSpec = link.recvSpec;
  }

  send(message: Uint8Array): boolean {
    const decoded = decodeMessage(message);
    if (decoded instanceof M2Error) return this.link.send(message);
    const { id, kind } = decoded;
    const opens = kind === 'http' || kind === 'websocket-handshake';
    if (this.isHeld() && (opens || this.ids.has(id))) return this.wait(id, message);
    if (!this.link.send(message)) return false;
    const before = this.unanswered.get(id);
    if (kind === 'disconnect') this.unanswered.delete(id);
    // With the request goes what came after it: the first parts of an upload.
    else if (before !== undefined) before.push(message);
    else if (opens) this.unanswered.set(id, [message]);
    return true;
  }

  /** Sends again what its handler never got, then what waited. */
  flush(): void {
    const messages = [...[...this.unanswered.values()].flat(), ...this.waiting];
    this.unanswered.clear();
    this.forgetWaiting();
    for (const message of messages) this.send(message);
  }

  /** What was sent may have been begun: nobody knows, so it is not sent again. */
  giveUp(): void {
    this.unanswered.clear();
  }

  close(): Promise<void> {
    this.unanswered.clear();
    this.forgetWaiting();
    return this.link.close();
  }

  private wait(id: number, message: Uint8Array): boolean {
    if (this.waiting.length >= MAX_MESSAGES || (this.bytes > 0 && this.bytes + message.length > MAX_BYTES)) return false;
    this.ids.add(id);
    this.bytes += message.length;
    this.waiting.push(message);
    return true;
  }

  private forgetWaiting(): void {
    this.waiting = [];
    this.bytes = 0;
    this.ids.clear();
  }
}
