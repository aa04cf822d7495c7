import { type Client, type Handler, HttpExchange, type M2Request } from '@m2/core';
import { EventLog } from './event-log.js';

/** A handler that answers nothing: each request becomes an exchange for the test to answer, each notice is kept. */
export class ExchangeSource implements Handler {
  readonly exchanges = new EventLog<HttpExchange>();
  /** Connection ids of disconnect notices. */
  readonly gone = new EventLog<number>();

  handle(message: M2Request, client: Client): void {
    if (message.kind === 'http' && message.path === '/hello') {
      new HttpExchange(message, client).respond(200, [['Content-Type', 'text/plain']], 'hello\n');
    } else if (message.kind === 'http') this.exchanges.add(new HttpExchange(message, client));
    else if (message.kind === 'disconnect') this.gone.add(message.id);
  }

  /** The exchange of the request for `path`. */
  async for(path: string): Promise<HttpExchange> {
    return await this.exchanges.first(`a request for ${path}`, ({ request }) => request.path === path);
  }
}
