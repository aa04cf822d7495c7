import type { Handler } from '@m2/core';
import { combineHandlers } from '../combine-handlers.js';
import { isWebSocketDefinition, type WebSocketDefinition, type WebSocketHooks } from './hooks.js';
import type { WebSocketOptions } from './options.js';
import { webSocketHandler } from './websocket-handler.js';

/** The WebSocket side of an app: its hooks, hooks with their settings, or a handler that was made of them. */
export type WebSocketPart = WebSocketHooks | WebSocketDefinition<unknown> | Handler;

/** Settings of an app that hold for its WebSockets too. */
export type WebSocketDefaults = Pick<WebSocketOptions, 'rootPath' | 'logger' | 'clock' | 'limits' | 'trustProxy' | 'maxPayload'>;

/**
 * Adds WebSockets to a handler: it keeps everything but handshakes and frames. `defaults` hold where the hooks have no
 * settings of their own; a handler has its own already. Without `part` the handler comes back as it is.
 * @throws M2Error `M2_OPTION_INVALID` for settings out of range.
 */
export function withWebSocket(handler: Handler, part: WebSocketPart | undefined, defaults: WebSocketDefaults = {}): Handler {
  if (part === undefined) return handler;
  const websocket = 'handle' in part ? part : fromHooks(part, defaults);
  return combineHandlers({ http: handler, websocket, socket: handler });
}

function fromHooks(part: WebSocketHooks | WebSocketDefinition<unknown>, defaults: WebSocketDefaults): Handler {
  const { rootPath, logger, clock, limits, trustProxy, maxPayload } = defaults;
  const shared: WebSocketOptions = { rootPath, logger, clock, limits, trustProxy, maxPayload };
  const { hooks, options }: WebSocketDefinition<unknown> = isWebSocketDefinition(part) ? part : { hooks: part, options: {} };
  return webSocketHandler<unknown>(hooks, { ...shared, ...options });
}
