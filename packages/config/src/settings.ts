/** On or off, written as 1 or 0. */
export type Switch = boolean | 0 | 1;

/**
 * Mongrel2's settings, which hold for all servers of a database. Those that are left out have Mongrel2's defaults. Sizes in bytes, times
 * in seconds.
 */
export interface Settings {
  /** TLS: the folder of `<server uuid>.crt` and `.key`, with a slash at its end; relative to the chroot. No default. */
  certdir?: string;
  /** Where the control port of servers without one of their own is. Default `ipc://run/control`, below the chroot. */
  control_port?: string;
  /** Writes no access log. Default off. */
  'disable.access_logging'?: Switch;
  /** Answers carry credits, and unacknowledged bytes are bounded by 102,400 per connection, instead of messages by 16. Default off; m2 wants it on. */
  'download.flow_control'?: Switch;
  /** Bytes of the buffer of a connection: the longest request head. Default 4,096; browsers with cookies need more, such as 65,536. */
  'limits.buffer_size'?: number;
  /** Reads in which a request head has to be complete, or the answer is 400. Default 5. */
  'limits.client_read_retries'?: number;
  /** Bytes of the stack of a connection's task. Default 32,768. */
  'limits.connection_stack_size'?: number;
  /** Bytes of a request body up to which it comes in one message; also the longest part of a streamed one. Default 20,480. */
  'limits.content_length'?: number;
  /** Bytes of a directory's base and of its route. Default 256. */
  'limits.dir_max_path'?: number;
  /** Bytes of the buffer with which files are sent. Default 16,384. */
  'limits.dir_send_buffer'?: number;
  /** Bytes of the stack of the task that polls. Default 102,400. */
  'limits.fdtask_stack'?: number;
  /** Bytes of the stack of a handler's task. Default 102,400. */
  'limits.handler_stack'?: number;
  /** Connections in one reply. Default 128. */
  'limits.handler_targets'?: number;
  /** Headers of a request. Default 1,280. */
  'limits.header_count'?: number;
  /** Bytes of a host's name and pattern. Default 256. */
  'limits.host_name'?: number;
  /** How many of the three idle limits a connection may exceed; it is closed when it exceeds more. Default 2. */
  'limits.kill_limit'?: number;
  /** Bytes of a mimetype's extension. Default 128. */
  'limits.mime_ext_len'?: number;
  /** Seconds since the client's last input, or a handler's keep-alive. 0 turns the limit off. Default 120. */
  'limits.min_ping'?: number;
  /** Bytes per second that a client has to send. 0 turns the limit off. Default 300. */
  'limits.min_read_rate'?: number;
  /** Bytes per second that a client has to be sent. 0 turns the limit off. Default 300. */
  'limits.min_write_rate'?: number;
  /** Reads in which a proxied answer's head has to be complete. Default 100. */
  'limits.proxy_read_retries'?: number;
  /** Reads after which the log says that a proxied server is slow. Default 10. */
  'limits.proxy_read_retry_warn'?: number;
  /** Seconds between two looks for idle connections. Default 10. */
  'limits.tick_timer'?: number;
  /** Bytes of a route's path; request paths are not held to it. Default 256. */
  'limits.url_path'?: number;
  /** TCP keep-alive on connections of clients. Default off. */
  'net.tcp_keepalive'?: Switch;
  /** Leaves a client's X-Forwarded-For as it is, instead of writing the client's address over it. Default off. */
  no_clobber_xff?: Switch;
  /** Allows `{ } ^` in URIs. Default off. */
  'request.relaxed'?: Switch;
  /** Starts in the background when it was started as root. Default on. */
  'server.daemonize'?: Switch;
  /** TLS: a file of certificates that clients' certificates are checked with. No default. */
  'ssl.ca_chain'?: string;
  /** TLS: asks clients for a certificate. Default off. */
  'ssl.verify_optional'?: Switch;
  /** TLS: refuses clients without a certificate. Default off. */
  'ssl.verify_required'?: Switch;
  /** TLS: names of ciphers, with blanks between them. Default: the TLS library's. */
  ssl_ciphers?: string;
  /** Part of the open files that may be busy at a time: `superpoll.max_fd` divided by it. Default 4. */
  'superpoll.hot_dividend'?: number;
  /** Open files, at most. Default 10,240. */
  'superpoll.max_fd'?: number;
  /** Bodies over `limits.content_length` come in parts, as the handler asks for them. Default off; m2 wants it on. */
  'upload.stream'?: Switch;
  /** Larger and chunked bodies are stored in a file of this name, with six X at its end, below the chroot. No default: they are refused with 413. */
  'upload.temp_store'?: string;
  /** Access mode of stored uploads, octal, with a leading 0. Default 0600. */
  'upload.temp_store_mode'?: string;
  /** Threads of ZeroMQ's input and output. Default 1; more can block handlers. */
  'zeromq.threads'?: number;
}

/** Name of a setting that Mongrel2 knows. */
export type SettingName = keyof Settings;

/** What is known of one setting. */
export interface SettingInfo {
  readonly kind: 'switch' | 'number' | 'text';
  /** What counts when it is not set; undefined: nothing. */
  readonly fallback?: number | string;
  /** The smallest number that makes sense. */
  readonly least?: number;
}

const on = (fallback: 0 | 1): SettingInfo => ({ kind: 'switch', fallback });
const number = (fallback: number, least = 1): SettingInfo => ({ kind: 'number', fallback, least });

/** Every setting of Mongrel2 1.12 and 1.13, with its default. */
export const SETTINGS: Readonly<Record<SettingName, SettingInfo>> = Object.freeze({
  certdir: { kind: 'text' },
  control_port: { kind: 'text', fallback: 'ipc://run/control' },
  'disable.access_logging': on(0),
  'download.flow_control': on(0),
  'limits.buffer_size': number(4096),
  'limits.client_read_retries': number(5),
  'limits.connection_stack_size': number(32_768),
  'limits.content_length': number(20_480),
  'limits.dir_max_path': number(256),
  'limits.dir_send_buffer': number(16_384),
  'limits.fdtask_stack': number(102_400),
  'limits.handler_stack': number(102_400),
  'limits.handler_targets': number(128),
  'limits.header_count': number(1280),
  'limits.host_name': number(256),
  'limits.kill_limit': number(2, 0),
  'limits.mime_ext_len': number(128),
  'limits.min_ping': number(120, 0),
  'limits.min_read_rate': number(300, 0),
  'limits.min_write_rate': number(300, 0),
  'limits.proxy_read_retries': number(100),
  'limits.proxy_read_retry_warn': number(10),
  'limits.tick_timer': number(10),
  'limits.url_path': number(256),
  'net.tcp_keepalive': on(0),
  no_clobber_xff: on(0),
  'request.relaxed': on(0),
  'server.daemonize': on(1),
  'ssl.ca_chain': { kind: 'text' },
  'ssl.verify_optional': on(0),
  'ssl.verify_required': on(0),
  ssl_ciphers: { kind: 'text' },
  'superpoll.hot_dividend': number(4),
  'superpoll.max_fd': number(10_240),
  'upload.stream': on(0),
  'upload.temp_store': { kind: 'text' },
  'upload.temp_store_mode': { kind: 'text', fallback: '0600' },
  'zeromq.threads': number(1),
});

/** The settings of a database, read as Mongrel2 reads them. */
export class SettingValues {
  private readonly values = new Map<string, string>();

  constructor(rows: readonly { readonly key: string; readonly value: string }[]) {
    // A key that is there twice makes Mongrel2 keep the first.
    for (const { key, value } of rows) if (!this.values.has(key)) this.values.set(key, value);
  }

  /** True when the database sets it. */
  has(name: SettingName): boolean {
    return this.values.has(name);
  }

  /** A number, or 0 and 1 of a switch; what begins with no digit counts as 0. */
  number(name: SettingName): number {
    const value = this.values.get(name);
    if (value === undefined) return Number(SETTINGS[name].fallback ?? 0);
    return Number.parseInt(/^\s*[-+]?\d+/.exec(value)?.[0] ?? '0', 10);
  }

  /** Whether a switch is on: any number but 0. */
  isOn(name: SettingName): boolean {
    return this.number(name) !== 0;
  }

  /** A text; undefined when it is neither set nor has a default. */
  text(name: SettingName): string | undefined {
    const value = this.values.get(name) ?? SETTINGS[name].fallback;
    return value === undefined ? undefined : String(value);
  }
}
