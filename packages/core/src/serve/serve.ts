import type { Backend, HandlerSource, ServeOptions, Server } from '../backend.js';
import { Connection } from '../connection/connection.js';
import type { ConnectionOptions } from '../connection/options.js';
import { M2Error } from '../errors.js';
import type { Handler } from '../handler.js';

/**
 * Serves a handler behind Mongrel2. `connect` is a send_spec (`tcp://127.0.0.1:9999`), connection options, or a
 * Connection of one's own. Resolves when the sockets are set up, whether Mongrel2 is there or not; `server.ready` tells
 * when it is.
 * @throws M2Error `M2_SPEC_INVALID` or `M2_OPTION_INVALID` for bad addresses and options, `M2_SOCKET_FAILED` from the transport.
 */
export async function serve(
  source: Handler | HandlerSource,
  connect: string | ConnectionOptions | Connection,
  options: ServeOptions & { readonly backend: Backend },
): Promise<Server> {
  const { backend, ...rest } = options;
  return backend.serve(toSource(source), toConnection(connect, rest), rest);
}

function toSource(source: Handler | HandlerSource): HandlerSource {
  if ('handle' in source && typeof source.handle === 'function') return { handler: source };
  if ('handler' in source || 'module' in source) return source;
  throw new M2Error(
    'M2_OPTION_INVALID',
    'serve() needs a Handler, an object with a handle(message, client) method, or { module }. For a fetch or node app, wrap it: ' +
      'fetchHandler(app) or nodeHandler(app) from @m2/gateway.',
  );
}

function toConnection(connect: string | ConnectionOptions | Connection, options: ServeOptions): Connection {
  if (connect instanceof Connection) return connect;
  const given: ConnectionOptions = typeof connect === 'string' ? { sendSpec: connect } : connect;
  return new Connection(
    options.logger === undefined || given.logger !== undefined ? given : { ...given, logger: options.logger },
  );
}
