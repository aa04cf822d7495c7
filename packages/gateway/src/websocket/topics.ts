import type { Client } from '@m2/core';

/** What subscribes. */
export interface Subscriber {
  readonly client: Client;
  /** How messages to it are compressed, 0 for not at all; those with the same get the same bytes. */
  readonly windowBits: number;
}

/** Subscribers that can be sent the same bytes. */
export interface Audience {
  readonly windowBits: number;
  readonly clients: readonly Client[];
}

class Topic {
  readonly members = new Set<Subscriber>();
  private groups: Audience[] | undefined;

  changed(): void {
    this.groups = undefined;
  }

  /** Made once for many messages. */
  get audiences(): readonly Audience[] {
    this.groups ??= this.group();
    return this.groups;
  }

  private group(): Audience[] {
    const groups = new Map<number, Client[]>();
    for (const { windowBits, client } of this.members) {
      const clients = groups.get(windowBits);
      if (clients === undefined) groups.set(windowBits, [client]);
      else clients.push(client);
    }
    return [...groups].map(([windowBits, clients]) => ({ windowBits, clients }));
  }
}

const NOBODY: readonly Audience[] = Object.freeze([]);

/** Who subscribed to what. A topic without subscribers takes no memory. */
export class Topics {
  private readonly topics = new Map<string, Topic>();

  /** How many topics have subscribers. */
  get size(): number {
    return this.topics.size;
  }

  add(name: string, subscriber: Subscriber): void {
    let topic = this.topics.get(name);
    if (topic === undefined) {
      topic = new Topic();
      this.topics.set(name, topic);
    }
    topic.members.add(subscriber);
    topic.changed();
  }

  delete(name: string, subscriber: Subscriber): void {
    const topic = this.topics.get(name);
    if (topic === undefined || !topic.members.delete(subscriber)) return;
    topic.changed();
    if (topic.members.size === 0) this.topics.delete(name);
  }

  /** Everyone who subscribed, but for one. */
  audiences(name: string, except?: Subscriber): readonly Audience[] {
    const topic = this.topics.get(name);
    if (topic === undefined) return NOBODY;
    if (except === undefined || !topic.members.has(except)) return topic.audiences;
    return topic.audiences.map(({ windowBits, clients }) => ({
      windowBits,
      clients: windowBits === except.windowBits ? clients.filter((client) => client !== except.client) : clients,
    }));
  }
}
