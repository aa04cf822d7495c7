import type { Difference } from './compare.js';

/** A difference from `node:http` that is meant, or that Mongrel2 makes. */
export interface KnownDifference {
  readonly id: string;
  /** What differs, for people. */
  readonly what: string;
  /** Why it is so, and why that is right or cannot be helped. */
  readonly why: string;
  /** Where it shows. In a run of one of these targets it must show, or it is not true any more. */
  readonly targets: readonly Difference['target'][];
  /** It shows in nearly every answer. */
  readonly always?: true;
  readonly covers: (difference: Difference) => boolean;
}

const BEHIND_M2 = ['front', 'mongrel2'] as const;
const FRAMING = new Set(['framing', 'header transfer-encoding', 'header content-length']);
const isFetch = ({ kind }: Difference): boolean => kind === 'fetch' || kind === 'hono';
/** Of what the app saw: all of it, not a part. */
const isSeen = ({ field }: Difference): boolean => /^(?:seen|events|at close)\b/.test(field);
/** A header that the app was given, as such or raw. */
const seenHeader = ({ field }: Difference): string | undefined => /^seen (?:header|raw) (.+)$/.exec(field)?.[1];
const linesOf = ({ step }: Difference, name: string): number =>
  step.headers.filter((line) => line.toLowerCase().startsWith(`${name}:`)).length;

/** Its first piece is its last, so that the stream has ended as soon as anybody looks. */
const isOnePiece = ({ plan }: Difference['step']): boolean => plan.body.kind === 'pieces' && plan.body.sizes.length === 1;

/** Every difference that is known, in the order of their numbers. */
export const KNOWN_DIFFERENCES: readonly KnownDifference[] = [
  {
    id: 'keep-alive-header',
    what: 'no `Keep-Alive` header, and from fetch apps no `Connection: keep-alive` to HTTP/1.1 clients',
    why: "How long an idle connection lives is Mongrel2's to say, not the app's server's. HTTP/1.1 connections persist unless told otherwise (RFC 9112 9.3).",
    targets: BEHIND_M2,
    always: true,
    covers: ({ field, expected, actual }) =>
      actual === undefined && (field === 'header keep-alive' || (field === 'header connection' && expected === '["keep-alive"]')),
  },
  {
    id: 'forwarded-for',
    what: '`X-Forwarded-For` is there, and is the address of the client',
    why: 'Mongrel2 sets it in each request, in the place of what the client sent, unless `no_clobber_xff` is set.',
    targets: BEHIND_M2,
    always: true,
    covers: (difference) => seenHeader(difference) === 'x-forwarded-for',
  },
  {
    id: 'five-values',
    what: 'a sixth and later header of one name is missing',
    why: 'Mongrel2 keeps five values of a name.',
    targets: BEHIND_M2,
    covers: (difference) => linesOf(difference, seenHeader(difference) ?? ':') > 5,
  },
  {
    id: 'request-trailers',
    what: 'trailers of requests are missing',
    why: 'Mongrel2 takes the chunks apart and does not pass on what follows them.',
    targets: BEHIND_M2,
    covers: ({ field, actual }) => field === 'seen trailers' && actual === undefined,
  },
  {
    id: 'small-bodies-whole',
    what: 'the app never sees a request whose client leaves in the middle of a small body',
    why: 'Mongrel2 passes on a request with a body of up to `limits.content_length` bytes only when all of it has come.',
    targets: BEHIND_M2,
    covers: (difference) =>
      difference.one.behaviour === 'aborted-small-requests' && isSeen(difference) && difference.actual !== 'true',
  },
  {
    id: 'method-names',
    what: 'a method with anything but letters, such as `M-SEARCH`, is answered 400',
    why: "Mongrel2's grammar of requests says so; the app never sees it.",
    targets: ['mongrel2'],
    covers: ({ step, one }) =>
      one.behaviour === 'methods' && /[^A-Z]/.test(one.steps.find(({ method }) => method === 'M-SEARCH')?.method ?? step.method),
  },
  {
    id: 'chunk-extensions',
    what: 'a request whose chunks have extensions is cut off',
    why: "Mongrel2 takes the line for the chunk's size and finds it too large. No client in common use sends any.",
    targets: ['mongrel2'],
    covers: ({ step }) => step.wire.some((part) => /^[0-9A-Fa-f]+;/.test(Buffer.from(part).toString('latin1', 0, 40))),
  },
  {
    id: 'reset-content',
    what: 'an answer 205 has `Content-Length: 0` and no body',
    why: 'It must not have one (RFC 9110 15.3.6). Node sends whatever the app gives.',
    targets: BEHIND_M2,
    covers: ({ field, step }) => step.plan.status === 205 && (FRAMING.has(field) || field === 'body' || field === 'connection'),
  },
  {
    id: 'finished-streams',
    what: 'a stream that has ended when the answer begins is sent with its length, not in chunks; so HTTP/1.0 connections can go on',
    why: 'All of it is known by then, and one message is cheaper than three.',
    targets: BEHIND_M2,
    covers: (difference) =>
      isFetch(difference) &&
      (difference.one.behaviour === 'http-1.0-keep-alive'
        ? difference.one.steps.some(isOnePiece)
        : isOnePiece(difference.step) && FRAMING.has(difference.field)),
  },
  {
    id: 'reason-names',
    what: 'fetch apps answer 413 as `Content Too Large` and 422 as `Unprocessable Content`',
    why: 'They are called so since RFC 9110; Node has the older names.',
    targets: BEHIND_M2,
    covers: (difference) =>
      difference.field === 'reason' && [413, 422].includes(difference.step.plan.status) && isFetch(difference),
  },
  {
    id: 'hono-content-type',
    what: 'no `Content-Type` where the app gave none',
    why: '@hono/node-server adds `text/plain` to every answer without one; nothing says that it is text.',
    targets: BEHIND_M2,
    covers: ({ kind, field, actual }) => kind === 'hono' && field === 'header content-type' && actual === undefined,
  },
  {
    id: 'hono-empty-answers',
    what: 'an answer without a body has `Content-Length: 0`, not an empty chunked body',
    why: 'Its length is known. @hono/node-server leaves it to Node, which does not know it.',
    targets: BEHIND_M2,
    covers: (difference) =>
      difference.kind === 'hono' && FRAMING.has(difference.field) && ['none', 'file'].includes(difference.step.plan.body.kind),
  },
  {
    id: 'hono-no-host',
    what: 'an HTTP/1.0 request without `Host` reaches the app, as one for `localhost`',
    why: 'HTTP/1.0 does not have `Host`. @hono/node-server answers 400.',
    targets: BEHIND_M2,
    covers: ({ kind, step }) => kind === 'hono' && step.version === '1.0' && step.host === undefined,
  },
  {
    id: 'hono-failed-stream',
    what: 'the signal of a request does not abort when the app itself fails in the middle of its answer',
    why: 'It tells that the client went away, and the client did not. @hono/node-server aborts it whenever the connection closes.',
    targets: BEHIND_M2,
    covers: ({ kind, step, field, actual }) =>
      kind === 'hono' && step.plan.failure === 'late' && field === 'events request' && actual === '[]',
  },
];
