import type { M2Request } from '../wire/message.js';
import type { ConnectionOwner } from './connection.js';

/** So many of the last ids are remembered at least, and twice as many at most. */
const REMEMBERED = 4096;

/**
 * Connections that were closed from here, of which requests, frames and parts may still be on their way: Mongrel2 forwards
 * what a client sends until it has written all that was queued before the close (protocol 4). An answer to those would be
 * counted against a window that nobody knows any more, and could cut off the answer before it.
 */
export class ClosedIds {
  private recent = new Set<number>();
  private older = new Set<number>();

  add(id: number): void {
    if (this.recent.size >= REMEMBERED) {
      this.older = this.recent;
      this.recent = new Set();
    }
    this.recent.add(id);
  }

  has(id: number): boolean {
    return (this.recent.size > 0 && this.recent.has(id)) || (this.older.size > 0 && this.older.has(id));
  }

  clear(): void {
    this.recent.clear();
    this.older.clear();
  }
}

/** Counts a message of a connection that was closed here; false for a notice, which tells of the connection itself. */
export function countLate(message: M2Request, owner: ConnectionOwner, epoch: number): boolean {
  const { counters } = owner;
  if (message.kind === 'http' || message.kind === 'websocket-handshake') {
    counters.received++;
    owner.ended(message.server, epoch, message.id, 'clientGone', false);
  } else if (message.kind === 'upload-part') counters.uploadParts++;
  else if (message.kind === 'websocket') counters.frames++;
  else if (message.kind === 'json-socket' || message.kind === 'xml-socket') counters.socketMessages++;
  else return false;
  return true;
}
