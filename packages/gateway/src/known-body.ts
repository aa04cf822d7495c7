/**
 * undici, which is Node's fetch, keeps what a Response was made from beside the stream that it made of it. Where it can be
 * seen (Node 20 and 22 keep it under a symbol) small answers go out without a stream being read; elsewhere nothing is found
 * and the stream is read.
 */
interface Internals {
  readonly body?: { readonly source?: unknown } | null;
}

type Bag = Readonly<Record<symbol, Internals | undefined>>;

const STATE = findState();
const RETURNED = Symbol('m2.returned');

function findState(): symbol | undefined {
  const text = new Response('probe');
  const bytes = new Response(new Uint8Array([1, 2]));
  const stream = new Response(new ReadableStream());
  return Object.getOwnPropertySymbols(text).find((symbol) => {
    const sourceOf = (response: Response): unknown => (response as unknown as Bag)[symbol]?.body?.source;
    const seen = sourceOf(bytes);
    return sourceOf(text) === 'probe' && seen instanceof Uint8Array && seen.length === 2 && (sourceOf(stream) ?? null) === null;
  });
}

/** The text or bytes that a response was made from; undefined when they cannot be seen, or it was made from something else. */
export function knownBody(response: Response): string | Uint8Array | undefined {
  if (STATE === undefined) return undefined;
  const source = (response as unknown as Bag)[STATE]?.body?.source;
  return typeof source === 'string' || source instanceof Uint8Array ? source : undefined;
}

/**
 * Marks a response as sent; false when it was before. A body that was taken with {@link knownBody} does not show in
 * `bodyUsed`, and an app that returns one Response twice must not work on some versions of Node only.
 */
export function markReturned(response: Response): boolean {
  if (Object.hasOwn(response, RETURNED)) return false;
  // Not an assignment, which throws for a frozen object.
  Reflect.set(response, RETURNED, true);
  return true;
}
