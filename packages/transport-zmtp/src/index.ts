export { defaultZmtpLimits, type ZmtpLimits } from './limits.js';
export type { SocketType } from './commands.js';
export type { SocketEvents } from './peer.js';
export type { BacklogLimits } from './send-backlog.js';
export { type SocketOptions, ZmtpSocket } from './socket.js';
export { type ZmtpTransportOptions, zmtpTransport } from './transport.js';
