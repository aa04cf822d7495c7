export type { FetchApp, FetchFunction, FetchHandlerOptions, FetchObject, FetchResult } from './app.js';
export { combineHandlers, type HandlerParts } from './combine-handlers.js';
export { fetchHandler } from './fetch-handler.js';
export type { FetchInfo } from './fetch-info.js';
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
