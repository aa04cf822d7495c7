/** One handler of a Mongrel2 server and the routes that lead to it. */
export interface HandlerOptions {
  /** One, or several. Default `/`: every path. */
  readonly route?: string | readonly string[];
  /** Default `tnetstring`. */
  readonly protocol?: 'json' | 'tnetstring';
  /** Default: `m2-` and the handler's place in the list. */
  readonly sendIdent?: string;
  /** Default: `sendIdent` and a blank. */
  readonly recvIdent?: string;
  /** Default: a free tcp port of 127.0.0.1. */
  readonly sendSpec?: string;
  /** Default: a free tcp port of 127.0.0.1, one below `sendSpec`'s. */
  readonly recvSpec?: string;
  /** Replies to JSON and XML sockets go out as they are, not in base64. Default false. */
  readonly rawPayload?: boolean;
}

/** A handler with everything filled in. */
export type HandlerConfig = Required<HandlerOptions>;

/** A server with everything filled in. */
export interface ServerConfig {
  readonly uuid: string;
  readonly chroot: string;
  readonly port: number;
  readonly handlers: readonly HandlerConfig[];
  readonly settings: Readonly<Record<string, string | number>>;
}

function quote(text: string): string {
  if (/['"\\\n]/.test(text)) throw new Error(`m2sh cannot read ${JSON.stringify(text)}.`);
  return `'${text}'`;
}

function handler(config: HandlerConfig): string {
  const fields = [
    `send_spec=${quote(config.sendSpec)}`,
    `send_ident=${quote(config.sendIdent)}`,
    `recv_spec=${quote(config.recvSpec)}`,
    `recv_ident=${quote(config.recvIdent)}`,
    `protocol=${quote(config.protocol)}`,
    `raw_payload=${config.rawPayload ? 1 : 0}`,
  ];
  return `Handler(${fields.join(', ')})`;
}

/** What `m2sh load` reads. */
export function formatConfig(config: ServerConfig): string {
  const handlers = config.handlers.map((one, index) => `handler_${index} = ${handler(one)}`);
  const routes = config.handlers.flatMap(({ route }, index) => [route].flat().map((path) => `${quote(path)}: handler_${index}`));
  const settings = Object.entries(config.settings).map(
    ([key, value]) => `${quote(key)}: ${typeof value === 'number' ? value : quote(value)}`,
  );
  return `${handlers.join('\n')}
main = Server(
  uuid=${quote(config.uuid)}, name='main', chroot=${quote(config.chroot)},
  access_log='/logs/access.log', error_log='/logs/error.log', pid_file='/run/mongrel2.pid',
  default_host='localhost', bind_addr='127.0.0.1', port=${config.port},
  hosts=[Host(name='localhost', routes={${routes.join(', ')}})]
)
servers = [main]
settings = {${settings.join(', ')}}
`;
}
