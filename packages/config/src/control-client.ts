import { decodeTnetstring, encodeTnetstring, M2Error, type TnetstringInput, type TnetstringValue } from '@m2/core';
import { ZmtpRequester } from '@m2/transport-zmtp';

/** A table as the control port answers. Bytes are latin1 text. */
export interface ControlTable {
  readonly headers: readonly string[];
  readonly rows: readonly (readonly (string | number | boolean | null)[])[];
}

/** A connection of Mongrel2. */
export interface ControlConnection {
  /** The connection id; -1 for one that no handler has seen. */
  readonly id: number;
  readonly fd: number;
  readonly type: 'http' | 'socket' | 'websocket' | 'unknown';
  /** Seconds since the client's last input or a keep-alive. */
  readonly lastPing: number;
  /** Seconds since something was read. */
  readonly lastRead: number;
  /** Seconds since something was written. */
  readonly lastWrite: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
}

/** A task of Mongrel2. */
export interface ControlTask {
  readonly id: number;
  /** One of Mongrel2's own, not a connection's. */
  readonly system: boolean;
  readonly name: string;
  readonly state: string;
  readonly status: string;
}

/** What Mongrel2 says of itself. */
export interface ControlInfo {
  readonly port: number;
  readonly bindAddr: string;
  readonly uuid: string;
  readonly chroot: string;
  readonly accessLog: string;
  readonly errorLog: string;
  readonly pidFile: string;
  readonly defaultHost: string;
}

/** A command that the control port knows. */
export interface ControlCommand {
  readonly name: string;
  readonly help: string;
}

/** Options of {@link ControlClient}. */
export interface ControlClientOptions {
  /** How long an answer may take, in milliseconds, connecting included. Default 5,000. */
  readonly timeoutMs?: number;
}

/** One question. */
export interface ControlRequestOptions extends ControlClientOptions {
  /** Gives up when aborted. */
  readonly signal?: AbortSignal;
}

/** An answer is a few hundred bytes; `status net` has one line a connection. */
const MAX_ANSWER = 16 * 1024 * 1024;
const TYPES = new Map<unknown, ControlConnection['type']>([
  [1, 'http'],
  [2, 'socket'],
  [3, 'websocket'],
]);

/**
 * A client of Mongrel2's control port (protocol 14), over tcp or ipc. It asks one question at a time. All methods reject with `M2_CONTROL_REFUSED` when Mongrel2 answers
 * with an error, with `M2_TIMED_OUT` when it does not answer in time, with `M2_LINK_DOWN` when it goes away, and with `M2_CLOSED` after `close()`.
 */
export class ControlClient {
  private readonly requester: ZmtpRequester;
  private readonly timeoutMs: number;

  /**
   * Connects in the background.
   * @throws M2Error `M2_SPEC_INVALID`
   */
  constructor(
    /** Where the control port is, as this host reaches it: `ipc:///srv/www/run/control`, `tcp://127.0.0.1:7000`. */
    readonly address: string,
    options: ControlClientOptions = {},
  ) {
    this.requester = new ZmtpRequester(address);
    this.timeoutMs = options.timeoutMs ?? 5000;
  }

  /** Sends any command, and resolves to the table that it answers. */
  async request(
    name: string,
    args: { readonly [key: string]: TnetstringInput } = {},
    options: ControlRequestOptions = {},
  ): Promise<ControlTable> {
    const { timeoutMs = this.timeoutMs, signal } = options;
    const frames = await this.requester.request([encodeTnetstring([name, args])], {
      timeoutMs,
      ...(signal === undefined ? {} : { signal }),
    });
    return readAnswer(name, this.address, frames);
  }

  /** The open connections. */
  async connections(options?: ControlRequestOptions): Promise<ControlConnection[]> {
    const records = recordsOf(await this.request('status', { what: 'net' }, options));
    return records.map((record) => ({
      id: numberOf(record.id),
      fd: numberOf(record.fd),
      type: TYPES.get(record.type) ?? 'unknown',
      lastPing: numberOf(record.last_ping),
      lastRead: numberOf(record.last_read),
      lastWrite: numberOf(record.last_write),
      bytesRead: numberOf(record.bytes_read),
      bytesWritten: numberOf(record.bytes_written),
    }));
  }

  /** The tasks: handlers, connections, and its own. */
  async tasks(options?: ControlRequestOptions): Promise<ControlTask[]> {
    const records = recordsOf(await this.request('status', { what: 'tasks' }, options));
    return records.map((record) => ({
      id: numberOf(record.id),
      system: record.system === true || record.system === 1,
      name: textOf(record.name),
      state: textOf(record.state),
      status: textOf(record.status),
    }));
  }

  /** What it was started with. */
  async info(options?: ControlRequestOptions): Promise<ControlInfo> {
    const [record = {}] = recordsOf(await this.request('info', {}, options));
    return {
      port: numberOf(record.port),
      bindAddr: textOf(record.bind_addr),
      uuid: textOf(record.uuid),
      chroot: textOf(record.chroot),
      accessLog: textOf(record.access_log),
      errorLog: textOf(record.error_log),
      pidFile: textOf(record.pid_file),
      defaultHost: textOf(record.default_hostname),
    };
  }

  /** The uuid of the server that it runs. */
  async uuid(options?: ControlRequestOptions): Promise<string> {
    return textOf(firstOf(await this.request('uuid', {}, options)));
  }

  /** Its clock, in seconds since 1970. */
  async time(options?: ControlRequestOptions): Promise<number> {
    return Number(textOf(firstOf(await this.request('time', {}, options))));
  }

  /** The commands that it knows. */
  async help(options?: ControlRequestOptions): Promise<ControlCommand[]> {
    const records = recordsOf(await this.request('help', {}, options));
    return records.map(({ name, help }) => ({ name: textOf(name), help: textOf(help) }));
  }

  /** Cuts a connection. Its handler gets no notice of it. Ids from 65,536 on are refused by Mongrel2. */
  async kill(id: number, options?: ControlRequestOptions): Promise<void> {
    await this.request('kill', { id }, options);
  }

  /**
   * What SIGHUP does: Mongrel2 1.12 opens its logs and reads certificates anew. It does not read its configuration again; that takes a restart. Resolves
   * when the signal was taken, not when it is done.
   */
  async reload(options?: ControlRequestOptions): Promise<void> {
    await this.request('reload', {}, options);
  }

  /** Ends Mongrel2 as SIGINT does. */
  async stop(options?: ControlRequestOptions): Promise<void> {
    await this.end('stop', options);
  }

  /** Ends Mongrel2 as SIGTERM does. */
  async terminate(options?: ControlRequestOptions): Promise<void> {
    await this.end('terminate', options);
  }

  /** It may be gone before its answer is out. */
  private async end(command: 'stop' | 'terminate', options?: ControlRequestOptions): Promise<void> {
    try {
      await this.request(command, {}, options);
    } catch (error) {
      if (!M2Error.is(error) || error.code !== 'M2_LINK_DOWN') throw error;
    }
  }

  /** Closes at once; open questions reject with `M2_CLOSED`. Idempotent. */
  close(): Promise<void> {
    return this.requester.close();
  }
}

const refuse = (address: string, name: string, what: string, details: object): M2Error =>
  new M2Error('M2_CONTROL_REFUSED', `Mongrel2's control port ${address} answered ${JSON.stringify(name)} with ${what}`, {
    details: { address, command: name, ...details },
  });

function readAnswer(name: string, address: string, frames: readonly Uint8Array[]): ControlTable {
  const [frame] = frames;
  if (frame === undefined || frames.length !== 1) throw refuse(address, name, `${frames.length} frames instead of one.`, {});
  const value = decodeTnetstring(frame, { size: MAX_ANSWER });
  if (M2Error.is(value)) throw refuse(address, name, `what is no tnetstring: ${value.message}`, {});
  if (!(value instanceof Map)) throw refuse(address, name, 'something that is no dict.', {});
  const error: unknown = value.get('error');
  if (error !== undefined) {
    const code: unknown = value.get('code');
    throw refuse(address, name, `an error: ${String(error)} (${String(code ?? 'no code')})`, { code: code ?? null });
  }
  const table = tableOf(value);
  if (table === undefined) throw refuse(address, name, 'a dict that is no table.', { keys: [...value.keys()].slice(0, 20) });
  return table;
}

const isScalar = (value: TnetstringValue): value is string | number | boolean | null =>
  typeof value !== 'object' || value === null;

function tableOf(value: ReadonlyMap<string, TnetstringValue>): ControlTable | undefined {
  const [headers, rows] = [value.get('headers'), value.get('rows')];
  if (!Array.isArray(headers) || !Array.isArray(rows)) return undefined;
  const names = headers as readonly TnetstringValue[];
  const lines = rows as readonly TnetstringValue[];
  if (!names.every((name) => typeof name === 'string')) return undefined;
  if (!lines.every((line) => Array.isArray(line) && line.every(isScalar))) return undefined;
  return { headers: names as readonly string[], rows: lines as ControlTable['rows'] };
}

type Scalar = string | number | boolean | null;

function recordsOf({ headers, rows }: ControlTable): Readonly<Record<string, Scalar | undefined>>[] {
  return rows.map((row) => {
    const record: Record<string, Scalar | undefined> = Object.create(null);
    for (const [index, header] of headers.entries()) record[header] = row[index];
    return record;
  });
}

const firstOf = ({ rows }: ControlTable): Scalar | undefined => rows[0]?.[0];
const numberOf = (value: Scalar | undefined): number => (typeof value === 'number' ? value : Number.NaN);
const textOf = (value: Scalar | undefined): string => String(value ?? '');
