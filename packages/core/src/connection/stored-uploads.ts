import { classifyStoredUpload, type UploadFiles } from '../http/stored-upload.js';
import type { HttpRequest } from '../wire/message.js';
import type { Client, OpeningRequest } from './client.js';

/** Follows stored uploads between their two messages (protocol 7.2). */
export class StoredUploads {
  /** Uploads that were complete before their request's turn came. */
  private readonly completeEarly = new WeakSet<OpeningRequest>();

  constructor(private readonly files: UploadFiles | undefined) {}

  /** Sets up the body of a request that says it is stored, before its handler sees it. */
  open(client: Client, message: HttpRequest): void {
    const upload = classifyStoredUpload(message, this.files);
    if (upload === undefined) return;
    const { start, length, path } = upload;
    const file = path === undefined ? undefined : this.files?.open(path, length);
    client.stored = { start, file, length };
    client.storedFile = file;
    client.uploading = file !== undefined;
    if (this.completeEarly.delete(message)) this.complete(client);
  }

  /**
   * Whether the message is only the word that a file is complete: `taken` when it was for this client, `orphan` when its
   * start went to another handler, which answers; `request` for anything else.
   */
  done(client: Client | undefined, message: HttpRequest): 'taken' | 'orphan' | 'request' {
    const upload = classifyStoredUpload(message, this.files);
    if (upload?.phase !== 'done') return 'request';
    const waiting = client?.pending?.find(
      (one) => one.kind === 'http' && one.upload?.type === 'stored' && one.upload.start === upload.start,
    );
    if (waiting !== undefined) this.completeEarly.add(waiting);
    else if (client?.stored?.start === upload.start) this.complete(client);
    else return 'orphan';
    return 'taken';
  }

  private complete(client: Client): void {
    client.stored?.file?.complete();
    client.stored = undefined;
    client.uploading = false;
  }
}
