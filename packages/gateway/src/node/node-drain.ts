import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

/**
 * Tells a socket's response when what waits in the socket has gone, so that whoever heard `false` from its `write()` goes on.
 * Node's server does so for its own sockets; `assignSocket()` does not.
 */
export function forwardDrain(this: Duplex & { readonly _httpMessage: ServerResponse | null }): void {
  const response = this._httpMessage;
  if (response === null || response.finished || !response.writableNeedDrain) return;
  const key = needDrainOf(response);
  if (key !== undefined) (response as unknown as Record<symbol, boolean>)[key] = false;
  response.emit('drain');
}

/** Node keeps under a private symbol that 'drain' is due. Unless it is cleared, pipes to the response stop before they begin. */
const needDrainOf = (response: ServerResponse): symbol | undefined =>
  Object.getOwnPropertySymbols(response).find(({ description }) => description === 'kNeedDrain');
