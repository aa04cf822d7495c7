import { utf8Length } from '#platform';
import { M2Error } from './errors.js';

/** Protocols of socket specs. `memory` joins both ends within one process, without ZeroMQ. */
export type SpecProtocol = 'tcp' | 'ipc' | 'inproc' | 'ws' | 'wss' | 'memory';

const PROTOCOLS: readonly string[] = ['tcp', 'ipc', 'inproc', 'ws', 'wss', 'memory'] satisfies readonly SpecProtocol[];

/** sun_path has 108 bytes on Linux, its closing NUL included. */
const MAX_IPC_PATH = 107;

interface SpecParts {
  readonly protocol: SpecProtocol;
  readonly endpoint: string;
  readonly host?: string;
  readonly port?: number;
  readonly ident?: string;
  readonly mode: 'connect' | 'bind';
}

const invalid = (text: string, problem: string, example: string): M2Error =>
  new M2Error('M2_SPEC_INVALID', `${JSON.stringify(text)} is not a socket address: ${problem}. Write it like ${example}.`, {
    details: { text, problem, example },
  });

function withoutProtocol(text: string): M2Error {
  if (/^[^:/]+\.(?:[cm]?[jt]sx?|json|sqlite|py)$/.test(text) || text.startsWith('./') || text.startsWith('/')) {
    return invalid(text, 'it looks like a file name', 'tcp://127.0.0.1:9999, or ipc:///run/m2/send for a Unix socket');
  }
  if (/^(?:\[[^\]]*\]|[^:/\s]+):\d+$/.test(text)) return invalid(text, 'the protocol is missing', `tcp://${text}`);
  if (/^\d+$/.test(text)) return invalid(text, 'it is only a port', `tcp://127.0.0.1:${text}`);
  const slashes = /^([a-z]+):\/?(?!\/)(.*)$/.exec(text);
  if (slashes !== null && PROTOCOLS.includes(slashes[1] ?? '')) {
    return invalid(text, 'the protocol is followed by "://"', `${slashes[1]}://${slashes[2] ?? ''}`);
  }
  return invalid(text, 'the protocol is missing', 'tcp://127.0.0.1:9999');
}

function parsePort(text: string, port: string, mode: 'connect' | 'bind', before: string): number {
  if (port === '*' || port === '0') {
    if (mode === 'bind') return 0;
    throw invalid(text, 'only #bind can take a free port', `${before}9999`);
  }
  const value = /^[1-9]\d{0,4}$/.test(port) ? Number(port) : 0;
  if (value < 1 || value > 65_535)
    throw invalid(text, `the port ${JSON.stringify(port)} is not a number from 1 to 65535`, `${before}9999`);
  return value;
}

function parseHost(text: string, host: string, mode: 'connect' | 'bind', rest: string): string {
  if (host === '*') {
    if (mode === 'bind') return host;
    throw invalid(
      text,
      '"*" stands for every interface, which only #bind can take',
      `${rest.replace('*', '127.0.0.1')}, or ${rest}#bind`,
    );
  }
  if (/^\[[0-9A-Fa-f:.]+(?:%[A-Za-z0-9._-]+)?\]$/.test(host)) return host.slice(1, -1);
  if (host.includes(':')) throw invalid(text, 'an IPv6 address stands in brackets', rest.replace(host, `[${host}]`));
  if (/^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9._])?$/.test(host)) return host;
  throw invalid(
    text,
    host === '' ? 'the host is missing' : `the host ${JSON.stringify(host)} has characters that no host name has`,
    'tcp://127.0.0.1:9999',
  );
}

/** `host:port` of tcp; for ws and wss the port may be absent and a path may follow. */
function parseNetwork(
  text: string,
  protocol: SpecProtocol,
  endpoint: string,
  mode: 'connect' | 'bind',
): Pick<SpecParts, 'host' | 'port'> {
  const web = protocol !== 'tcp';
  const slash = endpoint.indexOf('/');
  if (slash >= 0 && !web) {
    throw invalid(text, 'a tcp address ends with its port', `tcp://${endpoint.slice(0, slash) || '127.0.0.1:9999'}`);
  }
  const authority = slash >= 0 ? endpoint.slice(0, slash) : endpoint;
  const colon = authority.endsWith(']') ? -1 : authority.lastIndexOf(':');
  const hostText = colon < 0 ? authority : authority.slice(0, colon);
  const bareIpv6 = !authority.startsWith('[') && authority.split(':').length > 2;
  if (bareIpv6)
    throw invalid(
      text,
      'an IPv6 address stands in brackets',
      `${protocol}://[${hostText}]:${authority.slice(colon + 1) || '9999'}`,
    );
  if (colon < 0) {
    if (!web) throw invalid(text, 'the port is missing', `tcp://${authority || '127.0.0.1'}:9999`);
    return { host: parseHost(text, hostText, mode, `${protocol}://${authority}`) };
  }
  const host = parseHost(text, hostText, mode, `${protocol}://${authority}`);
  return { host, port: parsePort(text, authority.slice(colon + 1), mode, `${protocol}://${hostText}:`) };
}

function checkName(text: string, protocol: SpecProtocol, endpoint: string, mode: 'connect' | 'bind'): void {
  if (endpoint === '')
    throw invalid(
      text,
      `the ${protocol === 'ipc' ? 'path' : 'name'} is missing`,
      `${protocol}://${protocol === 'ipc' ? '/run/m2/send' : 'm2'}`,
    );
  if (protocol !== 'ipc') return;
  if (endpoint === '*' && mode === 'connect')
    throw invalid(text, '"*" takes a free path, which only #bind can do', 'ipc:///run/m2/send');
  if (utf8Length(endpoint) > MAX_IPC_PATH) {
    throw invalid(
      text,
      `a Unix socket's path has at most ${MAX_IPC_PATH} bytes, this one ${utf8Length(endpoint)}`,
      'ipc:///run/m2/send',
    );
  }
}

function splitFragment(text: string): { body: string; mode: 'connect' | 'bind' } {
  const hash = text.indexOf('#');
  if (hash < 0) return { body: text, mode: 'connect' };
  const body = text.slice(0, hash);
  const fragment = text.slice(hash + 1);
  if (fragment === 'bind' || fragment === 'connect') return { body, mode: fragment };
  throw invalid(text, `after "#" comes bind or connect, not ${JSON.stringify(fragment)}`, `${body}#bind`);
}

function parseParts(text: string): SpecParts {
  if (typeof text !== 'string' || text === '') throw invalid(String(text ?? ''), 'it is empty', 'tcp://127.0.0.1:9999');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
  if (/[\s\x00-\x1f\x7f]/.test(text))
    throw invalid(text, 'it has blanks or control characters', text.replace(/[^!-~]+/g, '') || 'tcp://127.0.0.1:9999');
  const { body, mode } = splitFragment(text);
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/(.*)$/.exec(body);
  if (scheme === null) throw withoutProtocol(text);
  const name = (scheme[1] ?? '').toLowerCase();
  if (!PROTOCOLS.includes(name))
    throw invalid(text, `there is no protocol ${JSON.stringify(name)}, only ${PROTOCOLS.join(', ')}`, 'tcp://127.0.0.1:9999');
  const protocol = name as SpecProtocol;
  const ident = /^([A-Za-z0-9._:+-]{1,255})@(.*)$/.exec(scheme[2] ?? '');
  const endpoint = ident?.[2] ?? scheme[2] ?? '';
  const common = { protocol, endpoint, mode, ...(ident === null ? {} : { ident: ident[1] ?? '' }) };
  if (protocol === 'tcp' || protocol === 'ws' || protocol === 'wss')
    return { ...common, ...parseNetwork(text, protocol, endpoint, mode) };
  checkName(text, protocol, endpoint, mode);
  return common;
}

/**
 * A socket address as m2 takes it: `proto://[ident@]endpoint[#bind|#connect]`. Immutable; made by {@link SocketSpec.parse}.
 * Addresses are named as in Mongrel2's configuration: `send_spec` is what Mongrel2 sends to and m2 receives from.
 */
export class SocketSpec {
  readonly protocol: SpecProtocol;
  /** What the ZeroMQ library takes: `proto://endpoint`, without ident and fragment. */
  readonly address: string;
  /** tcp, ws and wss: the host; IPv6 without brackets; `*` for every interface. */
  readonly host: string | undefined;
  /** tcp, ws and wss: 1 to 65535, or 0 for any free one (with `#bind` only). Absent when a ws address has none. */
  readonly port: number | undefined;
  /** The socket's ZeroMQ identity (routing id), when one is given. */
  readonly ident: string | undefined;
  /** Whether the socket binds or connects. Handlers connect, which is the default. */
  readonly mode: 'connect' | 'bind';

  private constructor(parts: SpecParts) {
    this.protocol = parts.protocol;
    this.address = `${parts.protocol}://${parts.endpoint}`;
    this.host = parts.host;
    this.port = parts.port;
    this.ident = parts.ident;
    this.mode = parts.mode;
    Object.freeze(this);
  }

  /** Reads a spec. Throws `M2_SPEC_INVALID`, with the offending text, what is wrong with it, and a corrected example. */
  static parse(text: string): SocketSpec {
    return new SocketSpec(parseParts(text));
  }

  /** True for a SocketSpec of any copy of this package. */
  static is(value: unknown): value is SocketSpec {
    const spec = value as SocketSpec | null;
    return (
      typeof spec === 'object' &&
      spec !== null &&
      typeof spec.address === 'string' &&
      (spec.mode === 'connect' || spec.mode === 'bind')
    );
  }

  /** The spec as text again; `#connect`, being the default, is left out. */
  toString(): string {
    const endpoint = this.address.slice(this.protocol.length + 3);
    return `${this.protocol}://${this.ident === undefined ? '' : `${this.ident}@`}${endpoint}${this.mode === 'bind' ? '#bind' : ''}`;
  }

  /** The text, for JSON. */
  toJSON(): string {
    return this.toString();
  }
}

/**
 * The recv_spec that usually goes with a send_spec: for tcp the port below it, all else equal. Throws `M2_SPEC_INVALID`
 * for other protocols, and when there is no port below: then recv_spec must be given.
 */
export function inferRecvSpec(send: SocketSpec): SocketSpec {
  const text = send.toString();
  if (send.protocol !== 'tcp' || send.port === undefined) {
    throw new M2Error(
      'M2_SPEC_INVALID',
      `No recv_spec follows from ${JSON.stringify(text)}: only from a tcp address, one port below. Give recv_spec as well.`,
      {
        details: { text, protocol: send.protocol },
      },
    );
  }
  if (send.port <= 1) {
    throw new M2Error(
      'M2_SPEC_INVALID',
      `No recv_spec follows from ${JSON.stringify(text)}: there is no port below ${send.port}. Give recv_spec as well.`,
      {
        details: { text, port: send.port },
      },
    );
  }
  const before = text.slice(0, text.lastIndexOf(':') + 1);
  return SocketSpec.parse(`${before}${send.port - 1}${send.mode === 'bind' ? '#bind' : ''}`);
}
