import { M2Error, type SocketSpec } from '@m2/core';

/** Protocols of the addresses that this transport takes. */
export const PROTOCOLS: readonly string[] = Object.freeze(['tcp', 'ipc']);

/**
 * Checks what a link can connect to.
 * @throws M2Error `M2_SPEC_INVALID`
 */
export function checkAddress(name: 'send_spec' | 'recv_spec', spec: SocketSpec): void {
  const { address, protocol, mode } = spec;
  if (!PROTOCOLS.includes(protocol)) {
    throw invalid(
      name,
      address,
      `the zeromq transport takes ${PROTOCOLS.map((known) => `${known}://`).join(' and ')} addresses only`,
    );
  }
  if (mode === 'bind') throw invalid(name, address, "Mongrel2's sockets bind and a handler's connect: leave #bind out");
}

function invalid(name: string, address: string, why: string): M2Error {
  return new M2Error('M2_SPEC_INVALID', `The ${name} '${address}' cannot be used: ${why}.`, { details: { [name]: address } });
}

/** The error for what a socket said of an address. */
export function socketError(what: string, address: string, cause: unknown): M2Error {
  const code = (cause as { code?: unknown } | undefined)?.code;
  const reason = cause instanceof Error ? cause.message : String(cause);
  const bad = code === 'EINVAL' || code === 'EPROTONOSUPPORT' || code === 'ENAMETOOLONG' || code === 'ENODEV';
  return new M2Error(
    bad ? 'M2_SPEC_INVALID' : 'M2_SOCKET_FAILED',
    `${what} '${address}' failed: ${reason}${typeof code === 'string' ? ` (${code})` : ''}. ${hint(code)}`,
    { cause, details: { address, code } },
  );
}

function hint(code: unknown): string {
  switch (code) {
    case 'EADDRINUSE':
      return 'Another process, or another socket of this one, has the address: stop it or choose another.';
    case 'EACCES':
      return 'This user may not use it: choose a port above 1023, or a directory that it may write to.';
    case 'EMFILE':
    case 'ENFILE':
      return 'No more sockets or files can be opened: raise the limit (ulimit -n).';
    case 'EADDRNOTAVAIL':
    case 'ENODEV':
      return 'This machine has no such address.';
    default:
      return 'Check the address.';
  }
}
