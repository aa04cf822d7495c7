import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { patternBytes } from '../../harness/pattern.js';
import type { BodyPlan, Plan } from '../plan.js';
import type { Visit } from '../visit.js';

/** What a planned failure is. Its stack is the same everywhere, for frameworks that show it. */
export function plannedError(): Error {
  const error = new Error('as planned');
  error.stack = 'Error: as planned';
  return error;
}

/** The bytes of a `whole` body. */
export const wholeBody = (body: Extract<BodyPlan, { kind: 'whole' }>): Buffer => Buffer.from(patternBytes(0, body.size).buffer);

/** How many bytes a body in pieces has. */
export const sizeOf = (body: Extract<BodyPlan, { kind: 'pieces' }>): number => body.sizes.reduce((sum, size) => sum + size, 0);

/** The pieces of a body, each in a turn of its own; then the failure or the wait that is planned. */
export async function* pieces(plan: Plan, visit: Visit): AsyncGenerator<Buffer, void, void> {
  let at = 0;
  for (const size of plan.body.kind === 'pieces' ? plan.body.sizes : []) {
    if (at > 0) await new Promise(setImmediate);
    yield Buffer.from(patternBytes(at, size).buffer);
    at += size;
  }
  if (plan.hold === 'after') await visit.released.promise;
  if (plan.failure !== 'late') return;
  await visit.failNow.promise;
  throw plannedError();
}

/** How many bytes the file has. */
export const FILE_BYTES = 3000;
const FILE_TIME = new Date('2024-02-03T04:05:06Z');

let path: string | undefined;

/** The file that `file` bodies are sent from, made when it is first asked for. */
export function filePath(): string {
  if (path === undefined) {
    path = join(mkdtempSync(join(tmpdir(), 'm2-differential-')), 'file.bin');
    writeFileSync(path, patternBytes(0, FILE_BYTES));
    utimesSync(path, FILE_TIME, FILE_TIME);
  }
  return path;
}

/** Removes it again. */
export function removeFile(): void {
  if (path !== undefined) rmSync(dirname(path), { recursive: true, force: true });
  path = undefined;
}

/** The file's validators. */
export const FILE_ETAG = '"m2-file"';
export const FILE_MODIFIED = FILE_TIME.toUTCString();

/** An answer about the file. */
export interface FileAnswer {
  readonly status: 200 | 206 | 304 | 412 | 416;
  readonly headers: [string, string][];
  readonly bytes: Buffer | null;
}

/** What an app without a way of its own answers for the file: conditions (RFC 9110 13.2.2), then one range (14.2). */
export function fileAnswer(header: (name: string) => string | undefined): FileAnswer {
  const validators: [string, string][] = [
    ['ETag', FILE_ETAG],
    ['Last-Modified', FILE_MODIFIED],
    ['Accept-Ranges', 'bytes'],
  ];
  const names = (value: string): boolean => value === '*' || value.split(',').some((tag) => tag.trim() === FILE_ETAG);
  const match = header('if-match');
  if (match !== undefined && !names(match)) return { status: 412, headers: validators, bytes: null };
  const noneMatch = header('if-none-match');
  const since = header('if-modified-since');
  const fresh = noneMatch !== undefined ? names(noneMatch) : since !== undefined && Date.parse(since) >= FILE_TIME.getTime();
  if (fresh) return { status: 304, headers: validators, bytes: null };
  const all = Buffer.from(patternBytes(0, FILE_BYTES).buffer);
  const range = /^bytes=(\d*)-(\d*)$/.exec(header('range') ?? '');
  if (range === null || (range[1] === '' && range[2] === '')) return { status: 200, headers: validators, bytes: all };
  const from = range[1] === '' ? Math.max(0, FILE_BYTES - Number(range[2])) : Number(range[1]);
  const to = range[1] === '' || range[2] === '' ? FILE_BYTES - 1 : Math.min(Number(range[2]), FILE_BYTES - 1);
  if (from > to) return { status: 416, headers: [...validators, ['Content-Range', `bytes */${FILE_BYTES}`]], bytes: null };
  return {
    status: 206,
    headers: [...validators, ['Content-Range', `bytes ${from}-${to}/${FILE_BYTES}`]],
    bytes: all.subarray(from, to + 1),
  };
}
