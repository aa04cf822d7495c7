import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { asyncBackend } from '@m2/backend-async';
import { Connection, type ServeCounters, type Server, serve } from '@m2/core';
import { eventually } from '@m2/core/testing';
import { fetchHandler } from '@m2/gateway';
import { type UploadFolder, type UploadFolderOptions, uploadFolder } from '@m2/gateway/node';
import { within } from '../../harness/deadline.js';
import { EventLog } from '../../harness/event-log.js';
import type { Ended } from '../../harness/gateway.js';
import { LogCapture } from '../../harness/log-capture.js';
import type { RealMongrel2 } from '../../harness/mongrel2.js';
import { UploadApp } from './upload-app.js';

/** Mongrel2's settings for stored uploads. A relative path is right with a chroot (as root) and without. */
export const STORED = { 'upload.temp_store': 'uploads/up.XXXXXX' } as const;

/** The upload app behind m2 behind a real Mongrel2. */
export interface UploadServer {
  readonly port: number;
  readonly app: UploadApp;
  readonly server: Server;
  readonly folder: UploadFolder;
  readonly log: LogCapture;
  readonly ended: EventLog<Ended>;
  /** The names in Mongrel2's upload folder. */
  files(): string[];
  /** Waits until no upload is open here and the upload folder is empty, but for these files. */
  empty(...but: string[]): Promise<void>;
  /** Counts of m2's own. */
  counters(): Readonly<ServeCounters>;
}

/** What `serveUploads` is told besides. */
export interface UploadServerOptions {
  readonly folder?: UploadFolderOptions;
  readonly bodyLimit?: number;
  /** m2 is not told where uploads are. */
  readonly nowhere?: boolean;
}

/** Serves the upload app, connected. Changes are to be reported by the system: the timer beside it is as good as off. */
export async function serveUploads(mongrel2: RealMongrel2, options: UploadServerOptions = {}): Promise<UploadServer> {
  const app = new UploadApp();
  const log = new LogCapture();
  const ended = new EventLog<Ended>();
  const dir = join(mongrel2.chroot, 'uploads');
  const folder = uploadFolder(dir, {
    pattern: STORED['upload.temp_store'],
    logger: log,
    recheckMs: 3_600_000,
    ...options.folder,
  });
  const connection = new Connection({
    ...mongrel2.connect,
    logger: log,
    bodyLimit: options.bodyLimit ?? 0,
    ...(options.nowhere !== true && { uploads: folder }),
  });
  const server = await serve(fetchHandler(app.fetch, { logger: log }), connection, {
    backend: asyncBackend(),
    logger: log,
    ended: (uuid, epoch, id, outcome, truncated) => ended.add({ server: uuid, epoch, id, outcome, truncated }),
  });
  await within(server.ready, 'm2 is connected');
  const files = () => readdirSync(dir);
  return {
    port: mongrel2.port,
    app,
    server,
    folder,
    log,
    ended,
    files,
    empty: (...but) =>
      eventually(() => files().every((name) => but.includes(name)) && folder.stats().open === 0, 'no upload is left'),
    counters: () => server.stats().counters,
  };
}
