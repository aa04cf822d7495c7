import { M2Error, type SocketSpec } from '@m2/core';

/** Protocols of the addresses that this transport takes. */
export const PROTOCOLS: readonly string[] = Object.freeze(['tcp', 'ipc']);

/** sun_path has 108 bytes on Linux, its closing NUL included. */
const MAX_PATH_BYTES = 107;

/** What `node:net` connects to or listens on. The path `*` stands for any free one. */
export type NetAddress = { readonly host: string; readonly port: number } | { readonly path: string };

/**
 * The net address of `tcp://host:port`, `tcp://[::1]:port` or `ipc://path`. For binding, `*` as a host is every IPv4 interface,
 * as a port (or 0) a free one, and as a path a free one. A path that begins with `@` is in Linux's abstract name space, as libzmq writes it.
 * @throws M2Error `M2_SPEC_INVALID`
 */
export function parseAddress(address: string, binding: boolean): NetAddress {
  if (address.startsWith('ipc://')) return parsePath(address, binding);
  const match = /^tcp:\/\/(\[[^\]]+\]|[^:[\]/]+):(\d{1,5}|\*)$/.exec(address);
  if (match === null) throw invalid(address, 'it is neither tcp://host:port nor ipc://path');
  const [, name = '', portText = ''] = match;
  const port = portText === '*' ? 0 : Number(portText);
  if (port > 65535 || (port === 0 && !binding)) throw invalid(address, 'the port has to be from 1 to 65535');
  if (name === '*' && !binding) throw invalid(address, 'the host * is for binding only');
  const host = name.startsWith('[') ? name.slice(1, -1) : name;
  return { host: host === '*' ? '0.0.0.0' : host, port };
}

function parsePath(address: string, binding: boolean): NetAddress {
  const path = address.slice(6);
  if (path === '' || path === '@') throw invalid(address, 'the path is missing');
  if (path === '*' && !binding) throw invalid(address, 'the path * is for binding only');
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) {
    throw invalid(address, `the path of a Unix socket has at most ${MAX_PATH_BYTES} bytes, this one ${Buffer.byteLength(path)}`);
  }
  return { path: path.startsWith('@') ? `\0${path.slice(1)}` : path };
}

/**
 * Checks what a link can connect to.
 * @throws M2Error `M2_SPEC_INVALID`
 */
export function checkSpec(name: 'send_spec' | 'recv_spec', spec: SocketSpec): NetAddress {
  if (!PROTOCOLS.includes(spec.protocol)) {
    throw invalid(
      spec.address,
      `as ${name} the zmtp transport takes ${PROTOCOLS.map((known) => `${known}://`).join(' and ')} addresses only`,
    );
  }
  if (spec.mode === 'bind')
    throw invalid(spec.toString(), `Mongrel2's sockets bind and a handler's connect: leave #bind out of ${name}`);
  return parseAddress(spec.address, false);
}

function invalid(address: string, why: string): M2Error {
  return new M2Error('M2_SPEC_INVALID', `The address '${address}' cannot be used: ${why}.`, { details: { address } });
}
