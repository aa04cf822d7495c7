import type { ClientConnection } from './client-connection.js';
import type { HandlerSocket } from './handler-socket.js';
import { HeaderTable } from './header-table.js';
import { metaFields, type RequestHead } from './request-head.js';

const NOTHING = new Uint8Array(0);

/** A request whose route was found, and the messages that it becomes. */
export class RoutedRequest {
  constructor(
    readonly client: ClientConnection,
    readonly head: RequestHead,
    private readonly handler: HandlerSocket,
    private readonly pattern: string,
  ) {}

  /** Sends the head with a body; `method` is one of Mongrel2's own when it is not the request's. False: no handler took it. */
  send(body: Uint8Array = NOTHING, method = this.head.method): boolean {
    const { client, head } = this;
    if (client.announcesCredits()) head.table.set('DOWNLOAD_CREDITS', '102400');
    const meta = metaFields(head, method, this.pattern, client.remoteAddress);
    return this.give(this.head.table, meta, body);
  }

  /** Sends a later part of a streamed upload, which has no keys but these (protocol 7.3). */
  sendPart(offset: number, done: boolean, body: Uint8Array): boolean {
    const table = new HeaderTable();
    table.set('UPLOAD_STREAM', `${offset}`);
    if (done) table.set('UPLOAD_STREAM_DONE', '1');
    return this.give(table, [], body);
  }

  private give(table: HeaderTable, meta: Parameters<HandlerSocket['send']>[0]['meta'], body: Uint8Array): boolean {
    const { client, handler } = this;
    client.lastHandler = handler;
    return handler.send({ id: client.id, path: this.head.path, meta, headers: table.fields(), body });
  }
}
