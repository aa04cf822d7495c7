import { Pull, XPublisher } from 'zeromq';
import { within } from './deadline.js';
import { EventLog } from './event-log.js';

/** One message of Mongrel2, its three words apart. */
export interface TinyMessage {
  readonly uuid: string;
  readonly id: string;
  readonly path: string;
  /** Everything after the third blank, latin1. */
  readonly rest: string;
}

/**
 * A handler made of nothing but the zeromq library, none of this project's code: it proves the harness by itself, and shows
 * what Mongrel2 does with replies that m2 would refuse to make.
 */
export class TinyHandler {
  /** Every message that came. */
  readonly messages = new EventLog<TinyMessage>();
  private readonly pull = new Pull({ linger: 0 });
  private readonly replies = new XPublisher({ linger: 0 });

  /** Connects to a Mongrel2's handler and waits for its subscription. */
  static async connect(config: { readonly sendSpec: string; readonly recvSpec: string }): Promise<TinyHandler> {
    const handler = new TinyHandler();
    handler.replies.connect(config.recvSpec);
    await within(handler.replies.receive(), 'the subscription of Mongrel2');
    handler.pull.connect(config.sendSpec);
    void handler.receive();
    return handler;
  }

  /** Sends a message as it is. */
  async send(message: string): Promise<void> {
    await this.replies.send(Buffer.from(message, 'latin1'));
  }

  /** Answers a message with the bytes given. */
  async reply(to: TinyMessage, data: string): Promise<void> {
    await this.send(`${to.uuid} ${to.id.length}:${to.id}, ${data}`);
  }

  close(): void {
    this.pull.close();
    this.replies.close();
  }

  private async receive(): Promise<void> {
    for await (const [frame] of this.pull) {
      const [uuid = '', id = '', path = '', ...rest] = (frame?.toString('latin1') ?? '').split(' ');
      this.messages.add({ uuid, id, path, rest: rest.join(' ') });
    }
  }
}
