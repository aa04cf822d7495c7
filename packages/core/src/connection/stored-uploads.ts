import { M2Error } from '../errors.js';
import { classifyStoredUpload, type StoredUpload, type UploadFiles } from '../http/stored-upload.js';
import type { ServeCounters } from '../serve/counters.js';
import type { HttpRequest, M2Request } from '../wire/message.js';
import type { Client, OpeningRequest } from './client.js';

/** Follows stored uploads between their two messages (protocol 7.2). */
export class StoredUploads {
  /** Uploads that were complete before their request's turn came. */
  private readonly completeEarly = new WeakSet<OpeningRequest>();

  constructor(
    private readonly files: UploadFiles | undefined,
    private readonly counters: ServeCounters,
  ) {}

  /** Sets up the body of a request that says it is stored, before its handler sees it. */
  open(client: Client, message: HttpRequest): void {
    const upload = classifyStoredUpload(message, this.files);
    if (upload === undefined) return;
    const { start, length, path } = upload;
    const file = path === undefined ? undefined : this.files?.open(path, length);
    client.stored = { start, file, length, closes: false };
    client.storedFile = file;
    client.storedNowhere = file === undefined;
    client.uploading = file !== undefined;
    if (this.completeEarly.delete(message)) this.complete(client);
  }

  /**
   * True when the message is only the word that a file is complete, which is counted; as an orphan when its start went to
   * another handler, which answers. Counts what only claims to be an upload.
   */
  isDone(client: Client | undefined, message: HttpRequest): boolean {
    const upload = classifyStoredUpload(message, this.files);
    if (upload === undefined) this.counters.forgedUploads++;
    if (upload?.phase !== 'done') return false;
    this.counters.uploadParts++;
    if (!this.believe(client, upload)) this.counters.orphans++;
    return true;
  }

  private believe(client: Client | undefined, { start }: StoredUpload): boolean {
    const waiting = client?.pending?.find(
      (one) => one.kind === 'http' && one.upload?.type === 'stored' && one.upload.start === start,
    );
    if (waiting !== undefined) this.completeEarly.add(waiting);
    else if (client?.stored?.start === start) this.complete(client);
    else return false;
    return true;
  }

  /** The upload of the connection is complete. Any later request shows it too, when its word went to another handler. */
  complete(client: Client): void {
    const { stored } = client;
    stored?.file?.complete();
    client.stored = undefined;
    client.uploading = false;
    if (stored?.closes) client.close();
  }

  /** A message that no handler will get: the file that begins with it, which nobody else knows of, is removed. */
  drop(message: M2Request): void {
    if (message.kind !== 'http' || message.upload?.type !== 'stored') return;
    const upload = classifyStoredUpload(message, this.files);
    if (upload?.phase !== 'start' || upload.path === undefined) return;
    const file = this.files?.open(upload.path, upload.length);
    if (this.completeEarly.delete(message)) file?.complete();
    file?.abandon(new M2Error('M2_CLIENT_GONE', 'The request was over before it reached a handler.'));
  }
}
