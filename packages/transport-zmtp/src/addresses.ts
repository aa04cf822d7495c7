import { M2Error, type SocketSpec } from '@m2/core';

/** Protocols of the addresses that this transport takes. */
export const PROTOCOLS: readonly string[] = Object.freeze(['tcp', 'ipc']);

/** What `node:net` connects to or listens on. */
export type NetAddress = { readonly host: string; readonly port: number } | { readonly path: string };

/**
 * The net address of `tcp://host:port`, `tcp://[::1]:port` or `ipc://path`. `*` as a host is every interface, as a port a free one.
 * @throws M2Error `M2_SPEC_INVALID`
 */
export function parseAddress(address: string, binding: boolean): NetAddress {
  if (address.startsWith('ipc://') && address.length > 6) {
    const name = address.slice(6);
    // The abstract name space of Linux, which libzmq writes with an @.
    return { path: name.startsWith('@') ? `\0${name.slice(1)}` : name };
  }
  const match = /^tcp:\/\/(\[[^\]]+\]|[^:[\]]+):(\d{1,5}|\*)$/.exec(address);
  if (match === null) throw invalid(address, 'it is neither tcp://host:port nor ipc://path');
  const [, name = '', portText = ''] = match;
  const port = portText === '*' ? 0 : Number(portText);
  if (port > 65535 || (port === 0 && !binding)) throw invalid(address, 'the port has to be from 1 to 65535');
  if (name === '*' && !binding) throw invalid(address, 'the host * is for binding only');
  const host = name.startsWith('[') ? name.slice(1, -1) : name;
  return { host: host === '*' ? '0.0.0.0' : host, port };
}

/**
 * Checks what a link can connect to.
 * @throws M2Error `M2_SPEC_INVALID`
 */
export function checkSpec(name: 'send_spec' | 'recv_spec', spec: SocketSpec): NetAddress {
  if (!PROTOCOLS.includes(spec.protocol)) {
    throw invalid(spec.address, `as ${name} the zmtp transport takes ${PROTOCOLS.map((known) => `${known}://`).join(' and ')} addresses only`);
  }
  if (spec.mode === 'bind') throw invalid(spec.address, `Mongrel2's sockets bind and a handler's connect: leave #bind out of ${name}`);
  return parseAddress(spec.address, false);
}

function invalid(address: string, why: string): M2Error {
  return new M2Error('M2_SPEC_INVALID', `The address '${address}' cannot be used: ${why}.`, { details: { address } });
}
