export { afterTick, concatBytes, latin1Bytes, utf8Bytes } from '#platform';
export type {
  Backend,
  BackendCapabilities,
  EndedObserver,
  HandlerSource,
  LinkStats,
  Outcome,
  ServeOptions,
  Server,
  ServerStats,
} from './backend.js';
export { type Clock, systemClock } from './clock.js';
export { Client } from './connection/client.js';
export { Connection } from './connection/connection.js';
export { deliver } from './connection/deliver.js';
export type { CommonOptions, ConnectionOptions, ResolvedOptions, ResolvedServer, ServerOptions } from './connection/options.js';
export { ERROR_CODES, type ErrorCode } from './error-codes.js';
export { M2Error, type M2ErrorOptions } from './errors.js';
export type { Handler } from './handler.js';
export { HttpExchange, type ResponseOptions } from './http/exchange.js';
export { checkHeader, hasToken, isHopByHop } from './http/header-rules.js';
export type { RequestBody } from './http/request-body.js';
export type { HeaderPairs } from './http/response-head.js';
export { isBodiless, reasonPhrase } from './http/status.js';
export type { StoredFile, UploadFiles } from './http/stored-upload.js';
export { defaultWireLimits, FLOW_WINDOW_BYTES, MAX_QUEUED_MESSAGES, MAX_TARGETS, type WireLimits } from './limits.js';
export { type Logger, type LogLevel, silentLogger } from './logger.js';
export { memoryTransport } from './memory-transport.js';
export type { ServeCounters } from './serve/counters.js';
export { runConnection } from './serve/loop.js';
export { serve } from './serve/serve.js';
export { inferRecvSpec, SocketSpec, type SpecProtocol } from './socket-spec.js';
export type {
  Link,
  LinkCounters,
  LinkReceiver,
  LinkSpec,
  PeerLink,
  PeerReceiver,
  PeerSpec,
  PeerTransport,
  Reply,
  Transport,
  TransportCapabilities,
} from './transport.js';
export { decodeMessage } from './wire/inbound.js';
export type {
  ClientHeaders,
  CreditsNotice,
  DisconnectNotice,
  HeaderValue,
  HttpFields,
  HttpRequest,
  M2Request,
  M2Request as Request,
  MessageBase,
  Meta,
  SocketMessage,
  UnknownNotice,
  UploadPart,
  UploadState,
  WebSocketHandshake,
  WebSocketMessage,
} from './wire/message.js';
export { type Control, encodeClose, encodeControl, encodeReply, isServerId, joinReply, replyPrefix } from './wire/outbound.js';
export type { Field, HeaderProtocol, Notice, ReplyEffect, ReplyLimits, RequestFields, ServerReply } from './wire/server-side.js';
export { decodeReply, encodeNotice, encodeRequest } from './wire/server-side.js';
export type { TnetstringInput, TnetstringLimits, TnetstringValue } from './wire/tnetstring.js';
export { decodeTnetstring, encodeTnetstring, formatTnetstring } from './wire/tnetstring.js';
export { checkUploadHeaders, type UploadCheck, type UploadCheckOptions, type UploadRefusal } from './wire/upload-headers.js';
export type { ClosePayload, FrameFlags, FrameOptions } from './wire/websocket-frame.js';
export {
  decodeClosePayload,
  decodeUtf8,
  encodeClosePayload,
  encodeFrame,
  frameHeader,
  isControlOpcode,
  isKnownOpcode,
  isValidCloseCode,
  MAX_CONTROL_PAYLOAD,
  Opcode,
  parseFlags,
  splitFlags,
} from './wire/websocket-frame.js';
