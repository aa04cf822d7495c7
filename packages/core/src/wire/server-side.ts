// What Mongrel2 itself writes and reads: for the embedded front, the scripted Mongrel2, relays and tests.

export type { ReplyEffect, ReplyLimits, ServerReply } from './reply-decoder.js';
export { decodeReply } from './reply-decoder.js';
export type { Field, HeaderProtocol, Notice, RequestFields } from './request-encoder.js';
export { encodeNotice, encodeRequest } from './request-encoder.js';
