import type { IncomingMessage } from 'node:http';
import type { ClientConnection } from './client-connection.js';
import type { HandlerSocket } from './handler-socket.js';
import { bodyFraming, type ParsedHead, readHead } from './request-head.js';
import { RoutedRequest } from './routed-request.js';
import type { Routes } from './routes.js';
import type { ResolvedSettings } from './settings.js';
import { storeUpload, type UploadEnd } from './upload-stored.js';
import { type StreamEnd, StreamedUpload } from './upload-streamed.js';

/** Requests of one client that may wait behind an upload before no more is read from it. */
const WAITING_REQUESTS = 64;
const CONTINUE = Buffer.from('HTTP/1.1 100 Continue\r\n\r\n', 'latin1');

interface Turn {
  readonly head: ParsedHead;
  readonly body: IncomingMessage;
  readonly finish: () => void;
}

/**
 * One client's requests, in order. A request without a body, or with a small one, is one message and its turn is over: answers are
 * not waited for, pipelined requests are passed on at once (protocol 6). An upload holds up those behind it.
 */
export class RequestTurns {
  private readonly waiting: Turn[] = [];
  private busy = false;
  private upload: StreamedUpload | undefined;
  private over = false;
  private departed = false;
  private seen = 0;

  constructor(
    private readonly client: ClientConnection,
    private readonly routes: Routes<HandlerSocket>,
    private readonly settings: ResolvedSettings,
  ) {}

  /** No request was read yet. */
  get fresh(): boolean {
    return this.seen === 0;
  }

  /** So many requests wait that nothing more is to be read. */
  get crowded(): boolean {
    return this.waiting.length >= WAITING_REQUESTS;
  }

  /** Takes a request. `head` is what it is sent on with. */
  add(head: ParsedHead, body: IncomingMessage, finish: () => void): void {
    this.seen++;
    this.waiting.push({ head, body, finish });
    this.next();
  }

  /** Reads a head, finds its route and answers its expectation. Undefined: the request was refused. */
  open(parsed: ParsedHead): RoutedRequest | undefined {
    const { client } = this;
    const head = readHead(parsed, client.remoteAddress);
    if (head === undefined) {
      client.refuse(400, 'Mongrel2 takes no such request line');
      return undefined;
    }
    const route = this.routes.find(head.path);
    if (route === undefined) {
      client.refuse(404, `no route for ${JSON.stringify(head.path)}`);
      return undefined;
    }
    const expect = head.table.get('expect');
    if (expect === '100-continue') client.writeNow(CONTINUE);
    else if (expect !== undefined) {
      client.refuse(417, `expectation ${JSON.stringify(expect)}`);
      return undefined;
    }
    return new RoutedRequest(client, head, route.target, route.path);
  }

  /** Upload credits that the handler granted. Without an upload they are lost, as each upload starts from none. */
  grant(credits: number): void {
    this.upload?.grant(credits);
  }

  /** The client is gone. True: whoever must know hears of it when the handler grants credits. */
  left(): boolean {
    this.departed = true;
    return this.upload?.left() ?? false;
  }

  /** Does nothing more. */
  abort(): void {
    this.over = true;
    this.upload?.abort();
    this.waiting.length = 0;
  }

  private next(): void {
    while (!this.busy && !this.over) {
      const turn = this.waiting.shift();
      if (turn === undefined) break;
      this.serve(turn);
    }
    if (this.departed && !this.busy) this.client.leave();
    else this.client.wantsMore();
  }

  private serve(turn: Turn): void {
    const request = this.open(turn.head);
    if (request === undefined) return;
    const framing = bodyFraming(request.head);
    if (framing.kind === 'none') {
      if (this.settled(request.send() ? 'sent' : 'undelivered')) turn.finish();
      return;
    }
    this.busy = true;
    if (framing.kind === 'length' && framing.length <= this.settings.contentLength) {
      this.readWhole(turn, request);
    } else if (this.settings.streamUploads) {
      this.upload = new StreamedUpload(request, turn.body, framing, this.settings, (end) => this.finish(turn, end));
    } else if (this.settings.tempStore !== undefined) {
      const { tempStore, tempStoreMode } = this.settings;
      const stored = storeUpload(request, turn.body, tempStore, tempStoreMode);
      this.client.holdFront(stored.then((end) => this.finish(turn, end)));
    } else {
      const size = framing.kind === 'length' ? `a body of ${framing.length} bytes` : 'a chunked body';
      this.client.refuse(413, `${size}, and neither upload.stream nor upload.temp_store is set`);
    }
  }

  /** A small body: nothing is sent before it is whole (protocol 7.1). */
  private readWhole(turn: Turn, request: RoutedRequest): void {
    const pieces: Buffer[] = [];
    turn.body.on('data', (piece: Buffer) => pieces.push(piece));
    turn.body.on('end', () => {
      if (!this.over) this.finish(turn, request.send(Buffer.concat(pieces)) ? 'sent' : 'undelivered');
    });
  }

  private finish(turn: Turn, end: UploadEnd | StreamEnd): void {
    this.upload = undefined;
    if (this.over || !this.settled(end)) return;
    this.busy = false;
    turn.finish();
    this.next();
  }

  /** Deals with what went wrong. True: nothing did. */
  private settled(end: UploadEnd | StreamEnd): boolean {
    const { client } = this;
    if (end === 'undelivered') client.refuse(502, 'no handler takes it: too many messages wait for one');
    else if (end === 'left' || end === 'aborted') client.leave();
    else if (end !== 'sent') client.fail('the upload could not be stored', end);
    return end === 'sent';
  }
}
