import { inferRecvSpec, M2Error, type ServerOptions, SocketSpec } from '@m2/core';

/** What `m2 serve` was told to serve, and where. */
export interface ServeArguments {
  readonly app: string;
  readonly servers: readonly ServerTarget[];
}

/** One Mongrel2 server's addresses. */
export interface ServerTarget extends ServerOptions {
  readonly sendSpec: SocketSpec;
  readonly recvSpec: SocketSpec;
  /** recv_spec was not given: it is the port below send_spec's. */
  readonly inferred: boolean;
}

/** How `m2 serve` is called. */
export const SERVE_USAGE = 'm2 serve <app> <send_spec> [recv_spec]';

const usage = (text: string): M2Error => new M2Error('M2_USAGE', text);

/** True for what was meant as a socket address, well written or not. */
export const looksLikeAddress = (text: string): boolean =>
  /^(?:tcp|ipc|inproc|udp|wss?|https?|memory):/i.test(text) ||
  /^(?:[\w.-]+|\[[\da-f:.]+\]):\d+$/i.test(text) ||
  /^\d+$/.test(text);

/**
 * Reads the words that are not flags, and `--server`. `configured`: the servers come from a configuration, and no address has to be given.
 * @throws M2Error `M2_USAGE` for missing, surplus and swapped words, `M2_SPEC_INVALID` for an address.
 */
export function readServeArguments(positionals: readonly string[], more: readonly string[], configured = false): ServeArguments {
  const [app, send, recv, ...surplus] = positionals;
  if (app === undefined) {
    throw usage(`The app and send_spec are missing: ${SERVE_USAGE}, such as m2 serve ./app.mjs tcp://127.0.0.1:9999.`);
  }
  if (looksLikeAddress(app)) {
    const file = positionals.find((word) => !looksLikeAddress(word));
    const addresses = positionals.filter((word) => word !== file).join(' ');
    throw usage(
      file === undefined
        ? `The app is missing: ${app} is an address. Write m2 serve ./app.mjs ${addresses}.`
        : `The app comes first, then the addresses. Write m2 serve ${file} ${addresses}.`,
    );
  }
  if (surplus.length > 0) {
    throw usage(
      `There is one word too many: ${JSON.stringify(surplus[0])}. ${SERVE_USAGE}; a further server is --server=SEND,RECV.`,
    );
  }
  if (send === undefined && more.length === 0 && !configured) {
    throw usage(
      `send_spec is missing: the address that Mongrel2 sends requests to, as in its handler row. Write m2 serve ${app} ` +
        `tcp://127.0.0.1:9999, or --config with Mongrel2's database. To try the app without Mongrel2: m2 dev ${app}.`,
    );
  }
  const servers = more.map(readServer);
  return { app, servers: send === undefined ? servers : [target(send, recv), ...servers] };
}

function readServer(text: string): ServerTarget {
  const [send = '', recv, ...surplus] = text.split(',');
  if (surplus.length > 0) throw usage(`--server is ${JSON.stringify(text)}; it takes SEND or SEND,RECV: two addresses at most.`);
  return target(send, recv);
}

function target(send: string, recv: string | undefined): ServerTarget {
  const sendSpec = parse('send_spec', send);
  const recvSpec = recv === undefined ? inferRecvSpec(sendSpec) : parse('recv_spec', recv);
  if (sendSpec.address === recvSpec.address && sendSpec.protocol === 'tcp') {
    throw new M2Error(
      'M2_SPEC_INVALID',
      `send_spec and recv_spec are both ${sendSpec.address}: Mongrel2 binds two sockets. Give the address of each, or leave recv_spec ` +
        'out when it is the port below send_spec.',
    );
  }
  return { sendSpec, recvSpec, inferred: recv === undefined };
}

function parse(name: string, text: string): SocketSpec {
  try {
    return SocketSpec.parse(text);
  } catch (error) {
    if (!M2Error.is(error)) throw error;
    throw new M2Error(error.code, `${name}: ${error.message}`, { details: error.details });
  }
}
