import { concatBytes, latin1Bytes } from '#platform';

/** Bytes waiting for one client. Strings are latin1. */
type Piece = string | Uint8Array;

/** What {@link Outbox.take} gives: one message's data, and how many answers were completed by it. */
export interface Taken {
  readonly data: Piece;
  /** Answers whose last byte is in `data`. */
  readonly ends: number;
  /** How many of those were cut short. */
  readonly truncated: number;
}

/**
 * What waits to be sent to one client, in order: pieces of answers, and marks where an answer ends. Answers to
 * pipelined requests may share one message, which keeps them below Mongrel2's 16 queued messages (protocol 8).
 */
export class Outbox {
  private pieces: Piece[] = [];
  /** ends[i] is set where an answer ends with pieces[i]; 2 means that it was cut short. */
  private ends: (0 | 1 | 2)[] = [];
  private first = 0;

  /** Bytes that wait. */
  bytes = 0;
  /** Answers that are complete here and not yet sent. */
  unsentEnds = 0;
  /** The client is to be closed when everything before was sent. */
  closing = false;

  get empty(): boolean {
    return this.first === this.pieces.length;
  }

  push(piece: Piece, end: 0 | 1 | 2 = 0): void {
    this.pieces.push(piece);
    this.ends.push(end);
    this.bytes += piece.length;
    if (end !== 0) this.unsentEnds++;
  }

  /**
   * The next message: pieces while they fit into `limit` bytes. A first piece that is larger is taken whole up to
   * `largest` bytes, and cut there.
   */
  take(limit: number, largest: number): Taken {
    const parts: Piece[] = [];
    let size = 0;
    let ends = 0;
    let truncated = 0;
    while (this.first < this.pieces.length) {
      const piece = this.pieces[this.first] as Piece;
      const room = (size === 0 ? Math.max(limit, largest) : limit) - size;
      if (piece.length > room) {
        // Filling a message up to its limit is worth a cut only where the limit is what Mongrel2 allows.
        if (room > 0 && (size === 0 || limit >= largest)) {
          parts.push(cut(piece, 0, room));
          this.pieces[this.first] = cut(piece, room, piece.length);
          size += room;
        }
        break;
      }
      parts.push(piece);
      size += piece.length;
      const end = this.ends[this.first] as 0 | 1 | 2;
      if (end !== 0) ends++;
      if (end === 2) truncated++;
      this.first++;
    }
    this.bytes -= size;
    this.unsentEnds -= ends;
    this.compact();
    return { data: join(parts), ends, truncated };
  }

  /** Drops everything; gives how many answers were complete and are lost with it. */
  clear(): number {
    const lost = this.unsentEnds;
    this.pieces = [];
    this.ends = [];
    this.first = 0;
    this.bytes = 0;
    this.unsentEnds = 0;
    return lost;
  }

  /** Sent pieces are let go in batches, so that a long queue does not shift its array once per piece. */
  private compact(): void {
    if (this.first === this.pieces.length) {
      this.pieces.length = 0;
      this.ends.length = 0;
      this.first = 0;
    } else if (this.first > 64) {
      this.pieces.splice(0, this.first);
      this.ends.splice(0, this.first);
      this.first = 0;
    } else {
      for (let at = 0; at < this.first; at++) this.pieces[at] = '';
    }
  }
}

function cut(piece: Piece, start: number, end: number): Piece {
  return typeof piece === 'string' ? piece.slice(start, end) : piece.subarray(start, end);
}

function join(parts: readonly Piece[]): Piece {
  if (parts.length === 1) return parts[0] as Piece;
  if (parts.every((part) => typeof part === 'string')) return parts.join('');
  return concatBytes(parts.map((part) => (typeof part === 'string' ? latin1Bytes(part) : part)));
}
