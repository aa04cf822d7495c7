/**
 * Every code an `M2Error` can have, one line each, in alphabetical order. docs/errors.md explains them; a script
 * compares the two lists both ways.
 */
export const ERROR_CODES = [
  'M2_ADDRESS_INVALID',
  'M2_APP_EXPORT_MISSING',
  'M2_APP_FAILED',
  'M2_APP_IMPORT_FAILED',
  'M2_APP_NOT_FOUND',
  'M2_APP_NOT_RECOGNISED',
  'M2_APP_TYPESCRIPT_UNSUPPORTED',
  'M2_BAD_HEADER',
  'M2_BAD_MESSAGE',
  'M2_BAD_REPLY',
  'M2_BAD_REQUEST',
  'M2_BODY_LENGTH_MISMATCH',
  'M2_BODY_TOO_LARGE',
  'M2_CLIENT_GONE',
  'M2_CLIENT_TOO_SLOW',
  'M2_CLOSED',
  'M2_CONNECT_TIMEOUT',
  'M2_EXCHANGE_STATE',
  'M2_HANDLER_INVALID',
  'M2_LIMIT_EXCEEDED',
  'M2_LINK_DOWN',
  'M2_OPTION_INVALID',
  'M2_OVERLOADED',
  'M2_PEER_PROTOCOL',
  'M2_PEER_REFUSED',
  'M2_PEER_TYPE',
  'M2_SHUTTING_DOWN',
  'M2_SOCKET_FAILED',
  'M2_SPEC_INVALID',
  'M2_STALE_EPOCH',
  'M2_SUBSCRIPTION_MISMATCH',
  'M2_TIMED_OUT',
  'M2_USAGE',
  'M2_WEBSOCKET_FAILED',
] as const;

/** The code of an `M2Error`. */
export type ErrorCode = (typeof ERROR_CODES)[number];
