import type { KindId } from '../apps/kind.js';
import type { Visits } from '../visit.js';

/** Where apps run: on `node:http`, on a server that is given bytes, behind m2 and the embedded front, behind m2 and Mongrel2. */
export type TargetId = 'node' | 'bytes' | 'front' | 'mongrel2';

/** Every kind of app, running. */
export interface Target {
  readonly id: TargetId;
  /** Apps get a small body only when all of it has come. */
  readonly holdsSmallBodies: boolean;
  /** Where the kind of app takes HTTP, on 127.0.0.1. */
  port(kind: KindId): number;
  /** What the kind of app is to do, and what it saw. */
  visits(kind: KindId): Visits;
  /** Ends it. Rejects when it left something undone. */
  close(): Promise<void>;
}
