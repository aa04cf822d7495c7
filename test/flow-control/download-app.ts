import { patternBytes } from '../harness/pattern.js';

/** What an answer of `/pieces/<writes>/<bytes>?ticks` is made of. */
interface Pieces {
  readonly writes: number;
  readonly bytes: number;
  /** Each write in a turn of the event loop of its own. */
  readonly ticks: boolean;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** The beginning of piece `n` of `pieces`; pieces differ in length by a byte at most, and none is empty unless all are. */
const startOf = (n: number, { writes, bytes }: Pieces): number => Math.floor((n * bytes) / writes);

function piecesOf(url: URL): Pieces {
  const [, , writes = '', bytes = ''] = url.pathname.split('/');
  return { writes: Number(writes), bytes: Number(bytes), ticks: url.searchParams.has('ticks') };
}

/**
 * A fetch app whose answers come in any number of writes: `/pieces/<writes>/<bytes>`, with `?ticks` one in each turn of the
 * event loop; `/whole/<bytes>` in one piece.
 */
export function downloadApp(request: Request): Response {
  const url = new URL(request.url);
  if (url.pathname.startsWith('/whole/'))
    return new Response(patternBytes(0, Number(url.pathname.slice(7))) as Uint8Array<ArrayBuffer>);
  if (!url.pathname.startsWith('/pieces/')) return new Response('hello\n');
  const pieces = piecesOf(url);
  let n = 0;
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        if (pieces.ticks) await turn();
        if (n === pieces.writes) return controller.close();
        const start = startOf(n, pieces);
        n++;
        controller.enqueue(patternBytes(start, startOf(n, pieces) - start));
      },
    },
    { highWaterMark: 0 },
  );
  return new Response(body);
}
