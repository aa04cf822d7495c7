import {
  type Backend,
  type Connection,
  type HandlerSource,
  runConnection,
  type ServeOptions,
  type Server,
  type Transport,
} from '@m2/core';
import { zmtpTransport } from '@m2/transport-zmtp';
import { loadHandler } from './load-handler.js';

/** Options of {@link asyncBackend}. */
export interface AsyncBackendOptions {
  /** What opens the links. Default: `zmtpTransport()`, which takes tcp and ipc addresses and needs no native library. */
  readonly transport?: Transport;
}

/**
 * Runs the handler on the event loop of this thread. One backend can serve any number of times. A `{ module }` is
 * imported here, so it is the same module that the program's own imports give, and cannot be reloaded.
 */
export function asyncBackend(options: AsyncBackendOptions = {}): Backend {
  const transport = options.transport ?? zmtpTransport();
  return {
    name: 'async',
    capabilities: { inProcess: true, modules: true, reload: false },
    async serve(source: HandlerSource, connection: Connection, serveOptions: ServeOptions): Promise<Server> {
      if ('handler' in source) return runConnection(connection, source.handler, transport, serveOptions);
      const handler = await loadHandler(source);
      try {
        return await runConnection(connection, handler, transport, serveOptions);
      } catch (error) {
        // It was made here, and nobody else will ever close it.
        await handler.close?.();
        throw error;
      }
    },
  };
}
