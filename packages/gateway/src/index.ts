export type { FetchApp, FetchFunction, FetchHandlerOptions, FetchObject, FetchResult } from './app.js';
export type { ClientIdentity, IdentityResolver } from './client-identity.js';
export { identityResolver } from './client-identity.js';
export { combineHandlers, type HandlerParts } from './combine-handlers.js';
export { fetchHandler } from './fetch-handler.js';
export type { FetchInfo } from './fetch-info.js';
export { type BufferOptions, buffer } from './middleware/buffer.js';
export { composeMiddleware } from './middleware/compose.js';
export type { Middleware, Next } from './middleware/middleware.js';
export { defaultRequestLimits, type RequestLimits } from './request-limits.js';
export type { Deflate, Inflated } from './websocket/deflate.js';
export type { Sendable } from './websocket/encode-message.js';
export {
  type Acceptance,
  type CloseDetails,
  defineWebSocket,
  type UpgradeAnswer,
  type UpgradeInfo,
  type WebSocketDefinition,
  type WebSocketHooks,
} from './websocket/hooks.js';
export type { Message } from './websocket/message.js';
export type { WebSocketOptions } from './websocket/options.js';
export type { Peer, PublishOptions, SendOptions } from './websocket/peer.js';
export type { WebSocketStats } from './websocket/stats.js';
export { type WebSocketHandler, webSocketHandler } from './websocket/websocket-handler.js';
export { type WebSocketPart, withWebSocket } from './websocket/with-websocket.js';
