import type { M2Error } from '../errors.js';
import type { StoredFile } from '../http/stored-upload.js';
import type { HttpRequest, M2Request, UploadPart, WebSocketHandshake } from '../wire/message.js';

/** A request that opens an exchange. */
export type OpeningRequest = HttpRequest | WebSocketHandshake;

/** Whether a message is such a request. */
export const opens = (message: M2Request): message is OpeningRequest =>
  message.kind === 'http' || message.kind === 'websocket-handshake';

/** Whoever answers a client's current request: an exchange. None of these may throw. */
export interface ClientOwner {
  /** The client or its server is gone; nothing can be sent any more. */
  gone(cause: M2Error): void;
  /** The server is stopping: what would never end by itself is to end now. */
  stopping(): void;
  /** The server's time is up: answer 503, or cut the answer short. */
  expire(): void;
  /** The handler failed: answer 500, or cut the answer short. */
  fail(): void;
  /** Nothing was sent within the request timeout: answer 504. */
  timeOut(): void;
}

/** A stored upload that is being received. `file` is undefined where stored uploads are not set up. */
export interface StoredBodySource {
  readonly start: string;
  readonly file: StoredFile | undefined;
  readonly length: number | undefined;
  /** The connection is to be closed when the upload is complete. */
  closes: boolean;
}

/** Whoever reads a streamed request body. None of these may throw. */
export interface UploadSink {
  part(part: UploadPart): void;
  /** The rest will not come. */
  fail(cause: M2Error): void;
}
