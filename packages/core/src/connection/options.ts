import { type Clock, systemClock } from '../clock.js';
import { M2Error } from '../errors.js';
import type { UploadFiles } from '../http/stored-upload.js';
import { defaultWireLimits, MAX_TARGETS, type WireLimits } from '../limits.js';
import { type Logger, silentLogger } from '../logger.js';
import { inferRecvSpec, SocketSpec } from '../socket-spec.js';

/** Where one Mongrel2 server's handler sockets are, in the names of its configuration. */
export interface ServerOptions {
  /** What Mongrel2 sends to and m2 receives from: `tcp://127.0.0.1:9999`, or a `SocketSpec`. */
  readonly sendSpec: string | SocketSpec;
  /** Where Mongrel2 receives replies. Default for tcp: one port below `sendSpec`'s. */
  readonly recvSpec?: string | SocketSpec;
  /** The handler row's `send_ident`, if known; requests with another one are reported. */
  readonly sendIdent?: string;
  /** The handler row's `recv_ident`, if known; another subscription is reported. */
  readonly recvIdent?: string;
  /** Whether the server has `download.flow_control`. Default `auto`: found out from what arrives. */
  readonly flowControl?: 'auto' | 'on' | 'off';
}

/** What all servers of a connection share. Every field has a default. */
export interface CommonOptions {
  readonly logger?: Logger;
  readonly clock?: Clock;
  /** What the parser of messages allows. */
  readonly limits?: Partial<WireLimits>;
  /** Bytes that may wait in a server's send queue. Default 64 MiB. */
  readonly sendQueueBytes?: number;
  /** Bytes that may wait for one client before it is dropped as too slow. Default 64 MiB. */
  readonly clientQueueBytes?: number;
  /** Requests of one client that may wait behind the one being answered. Default 128. */
  readonly maxPipelined?: number;
  /** How long closing may take to send what is queued, in milliseconds. Default 2,000. */
  readonly lingerMs?: number;
  /** Clients in one message, at most the server's `limits.handler_targets`. Default and maximum 128. */
  readonly maxTargets?: number;
  /** Where stored uploads lie (`upload.temp_store`). Default: nowhere; they are refused with 413. */
  readonly uploads?: UploadFiles;
  /**
   * The largest request body in bytes, however it comes; 0 for no limit. Default 10 MiB. A request that announces more is answered
   * 413 before any handler sees it; a chunked body that turns out larger fails with `M2_BODY_TOO_LARGE` while it is read.
   */
  readonly bodyLimit?: number;
  /** How often open clients are kept alive, in milliseconds; 0 turns it off. Default 40,000 (Mongrel2 cuts after about 120,000). */
  readonly keepAliveMs?: number;
}

/** One server, or several. */
export type ConnectionOptions = CommonOptions & (ServerOptions | { readonly servers: readonly ServerOptions[] });

/** A server with everything filled in. */
export interface ResolvedServer {
  readonly sendSpec: SocketSpec;
  readonly recvSpec: SocketSpec;
  readonly sendIdent: string | undefined;
  readonly recvIdent: string | undefined;
  readonly flowControl: 'auto' | 'on' | 'off';
}

/** Options with everything filled in. */
export interface ResolvedOptions {
  readonly servers: readonly ResolvedServer[];
  readonly logger: Logger;
  readonly clock: Clock;
  readonly limits: WireLimits;
  readonly sendQueueBytes: number;
  readonly clientQueueBytes: number;
  readonly maxPipelined: number;
  readonly lingerMs: number;
  readonly maxTargets: number;
  readonly uploads: UploadFiles | undefined;
  readonly bodyLimit: number;
  readonly keepAliveMs: number;
}

/**
 * Fills in the defaults.
 * @throws M2Error `M2_SPEC_INVALID` for an address, `M2_OPTION_INVALID` for a number out of range.
 */
export function resolveOptions(given: string | ConnectionOptions): ResolvedOptions {
  const options: ConnectionOptions = typeof given === 'string' ? { sendSpec: given } : given;
  const servers = 'servers' in options ? options.servers : [options];
  if (servers.length === 0) throw new M2Error('M2_OPTION_INVALID', 'servers is empty: give at least one { sendSpec }.');
  return {
    servers: servers.map(resolveServer),
    logger: options.logger ?? silentLogger,
    clock: options.clock ?? systemClock,
    limits: { ...defaultWireLimits, ...options.limits },
    sendQueueBytes: integer('sendQueueBytes', options.sendQueueBytes ?? 64 * 1024 * 1024, 1),
    clientQueueBytes: integer('clientQueueBytes', options.clientQueueBytes ?? 64 * 1024 * 1024, 1),
    maxPipelined: integer('maxPipelined', options.maxPipelined ?? 128, 0),
    lingerMs: integer('lingerMs', options.lingerMs ?? 2000, 0),
    maxTargets: integer('maxTargets', options.maxTargets ?? MAX_TARGETS, 1, MAX_TARGETS),
    uploads: options.uploads,
    bodyLimit: integer('bodyLimit', options.bodyLimit ?? 10 * 1024 * 1024, 0),
    keepAliveMs: integer('keepAliveMs', options.keepAliveMs ?? 40_000, 0),
  };
}

function resolveServer(options: ServerOptions): ResolvedServer {
  const sendSpec = spec(options.sendSpec);
  const recvSpec = options.recvSpec === undefined ? inferRecvSpec(sendSpec) : spec(options.recvSpec);
  if (sendSpec.address === recvSpec.address && sendSpec.protocol === 'tcp') {
    throw new M2Error(
      'M2_SPEC_INVALID',
      `send_spec and recv_spec are both ${sendSpec.address}: Mongrel2 binds two sockets, give the address of each.`,
    );
  }
  return {
    sendSpec,
    recvSpec,
    sendIdent: options.sendIdent ?? sendSpec.ident,
    recvIdent: options.recvIdent,
    flowControl: options.flowControl ?? 'auto',
  };
}

const spec = (given: string | SocketSpec): SocketSpec => (typeof given === 'string' ? SocketSpec.parse(given) : given);

/** Checks a whole number of an option. */
export function integer(name: string, value: number, from: number, to = Number.MAX_SAFE_INTEGER): number {
  if (Number.isSafeInteger(value) && value >= from && value <= to) return value;
  throw new M2Error('M2_OPTION_INVALID', `${name} is ${value}; it must be a whole number from ${from} to ${to}.`, {
    details: { option: name, value },
  });
}
