import { decodeMessage, type Link, type LinkReceiver, M2Error, type Reply, type Transport } from '@m2/core';

/** What went through a link to and from one connection. */
export interface Tapped {
  /** Messages with data. */
  messages: number;
  /** The longest of them, in bytes as the client gets them. */
  largest: number;
  /** Bytes that Mongrel2 has not yet said it wrote. */
  unacknowledged: number;
  /** The most that this ever was. */
  mostUnacknowledged: number;
  /** Keep-alives, probes among them. */
  keepAlives: number;
}

/** Counts what m2 says and hears on a transport, one record per connection id. */
export class TappedTransport implements Transport {
  readonly name: string;
  readonly capabilities;
  readonly clients = new Map<number, Tapped>();

  constructor(private readonly inner: Transport) {
    this.name = inner.name;
    this.capabilities = inner.capabilities;
  }

  async open(...[spec, receiver, signal]: Parameters<Transport['open']>): Promise<Link> {
    const link = await this.inner.open(spec, this.hearing(receiver), signal);
    return {
      counters: link.counters,
      send: (reply) => {
        this.said(reply);
        return link.send(reply);
      },
      drained: () => link.drained(),
      shutdown: () => link.shutdown(),
      close: () => link.close(),
    };
  }

  /** The greatest value of a count over all connections. */
  most(count: keyof Tapped): number {
    return Math.max(0, ...[...this.clients.values()].map((tapped) => tapped[count]));
  }

  /** Messages with data, over all connections. */
  get messages(): number {
    let sum = 0;
    for (const { messages } of this.clients.values()) sum += messages;
    return sum;
  }

  private hearing(receiver: LinkReceiver): LinkReceiver {
    return {
      up: (epoch, subscription) => receiver.up(epoch, subscription),
      down: (epoch, cause) => receiver.down(epoch, cause),
      messages: (batch, epoch) => {
        for (const bytes of batch) this.heard(bytes);
        receiver.messages(batch, epoch);
      },
    };
  }

  private heard(bytes: Uint8Array): void {
    const message = decodeMessage(bytes);
    if (!(message instanceof M2Error) && message.kind === 'credits') this.client(message.id).unacknowledged -= message.credits;
  }

  private said({ head, data }: Reply): void {
    const prefix = /^\S+ \d+:(X )?([\d ]+), /.exec(head);
    if (prefix === null) throw new Error(`Not the beginning of a reply: ${JSON.stringify(head.slice(0, 80))}.`);
    const bytes = head.length - prefix[0].length + data.length;
    for (const id of (prefix[2] ?? '').split(' ')) {
      const client = this.client(Number(id));
      if (prefix[1] !== undefined) client.keepAlives += `${data}`.includes('keep-alive') ? 1 : 0;
      else if (bytes > 0) count(client, bytes);
    }
  }

  private client(id: number): Tapped {
    let client = this.clients.get(id);
    if (client === undefined) {
      client = { messages: 0, largest: 0, unacknowledged: 0, mostUnacknowledged: 0, keepAlives: 0 };
      this.clients.set(id, client);
    }
    return client;
  }
}

function count(client: Tapped, bytes: number): void {
  client.messages++;
  client.largest = Math.max(client.largest, bytes);
  client.unacknowledged += bytes;
  client.mostUnacknowledged = Math.max(client.mostUnacknowledged, client.unacknowledged);
}
