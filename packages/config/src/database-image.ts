import type { ConfigModel } from './model.js';
import { loadSqlite, type SqlDatabase, type SqlValue } from './sqlite.js';

/** What is added to the log of a database that is written. */
export interface LogEntry {
  /** Who wrote it. */
  readonly who: string;
  /** What was done, such as `build`. */
  readonly what: string;
  /** The machine's name. */
  readonly location: string;
  /** From what. */
  readonly how: string;
  readonly why: string;
}

/** Mongrel2's tables. `server` of 1.13 has one column more. */
const schema = (levelled: boolean): string => `
CREATE TABLE server (id INTEGER PRIMARY KEY, uuid TEXT, access_log TEXT, error_log TEXT, chroot TEXT DEFAULT '/var/www', pid_file TEXT,
  control_port TEXT DEFAULT '', default_host TEXT, name TEXT DEFAULT '', bind_addr TEXT DEFAULT '0.0.0.0', port INTEGER,
  use_ssl INTEGER DEFAULT 0${levelled ? ', error_log_level INTEGER' : ''});
CREATE TABLE host (id INTEGER PRIMARY KEY, server_id INTEGER, maintenance BOOLEAN DEFAULT 0, name TEXT, matching TEXT);
CREATE TABLE route (id INTEGER PRIMARY KEY, path TEXT, reversed BOOLEAN DEFAULT 0, host_id INTEGER, target_id INTEGER, target_type TEXT);
CREATE TABLE handler (id INTEGER PRIMARY KEY, send_spec TEXT, send_ident TEXT, recv_spec TEXT, recv_ident TEXT,
  raw_payload INTEGER DEFAULT 0, protocol TEXT DEFAULT 'json');
CREATE TABLE directory (id INTEGER PRIMARY KEY, base TEXT, index_file TEXT, default_ctype TEXT, cache_ttl INTEGER DEFAULT 0);
CREATE TABLE proxy (id INTEGER PRIMARY KEY, addr TEXT, port INTEGER);
CREATE TABLE filter (id INTEGER PRIMARY KEY, server_id INTEGER, name TEXT, settings TEXT);
CREATE TABLE xrequest (id INTEGER PRIMARY KEY, server_id INTEGER, name TEXT, settings TEXT);
CREATE TABLE setting (id INTEGER PRIMARY KEY, key TEXT, value TEXT);
CREATE TABLE mimetype (id INTEGER PRIMARY KEY, mimetype TEXT, extension TEXT);
CREATE TABLE statistic (id SERIAL, other_type TEXT, other_id INTEGER, name TEXT, sum REAL, sumsq REAL, n INTEGER, min REAL, max REAL,
  mean REAL, sd REAL, PRIMARY KEY (other_type, other_id, name));
CREATE TABLE log (id INTEGER PRIMARY KEY, who TEXT, what TEXT, location TEXT, happened_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP, how TEXT, why TEXT);
`;

const flag = (value: boolean): number => (value ? 1 : 0);

/** The bytes of a database with these rows. `entry` comes after the log that the model has; its time is `now`, in milliseconds since 1970. */
export async function databaseImage(model: ConfigModel, entry: LogEntry, now: number): Promise<Uint8Array> {
  const { Database } = await loadSqlite();
  const database = new Database();
  try {
    const levelled = model.servers.some(({ errorLogLevel }) => errorLogLevel !== undefined);
    database.run(`BEGIN; ${schema(levelled)}`);
    insertServers(database, model, levelled);
    insertTargets(database, model);
    insertRest(database, model);
    insertLog(database, model, entry, now);
    database.run('COMMIT');
    return database.export();
  } finally {
    database.close();
  }
}

function insert(database: SqlDatabase, table: string, columns: string, rows: readonly (readonly SqlValue[])[]): void {
  const marks = columns.split(',').map(() => '?');
  const statement = database.prepare(`INSERT INTO ${table} (${columns}) VALUES (${marks.join(', ')})`);
  try {
    for (const row of rows) statement.run(row);
  } finally {
    statement.free();
  }
}

function insertServers(database: SqlDatabase, { servers, hosts, routes }: ConfigModel, levelled: boolean): void {
  const columns = 'id, uuid, access_log, error_log, chroot, pid_file, control_port, default_host, name, bind_addr, port, use_ssl';
  insert(
    database,
    'server',
    levelled ? `${columns}, error_log_level` : columns,
    servers.map((row) => [
      ...[row.id, row.uuid, row.accessLog, row.errorLog, row.chroot, row.pidFile, row.controlPort, row.defaultHost, row.name],
      ...[row.bindAddr, row.port, flag(row.useSsl)],
      ...(levelled ? [row.errorLogLevel ?? null] : []),
    ]),
  );
  insert(
    database,
    'host',
    'id, server_id, maintenance, name, matching',
    hosts.map(({ id, serverId, maintenance, name, matching }) => [id, serverId, flag(maintenance), name, matching]),
  );
  insert(
    database,
    'route',
    'id, path, reversed, host_id, target_id, target_type',
    routes.map(({ id, path, reversed, hostId, targetId, targetType }) => [
      id,
      path,
      flag(reversed),
      hostId,
      targetId,
      targetType,
    ]),
  );
}

function insertTargets(database: SqlDatabase, { handlers, dirs, proxies }: ConfigModel): void {
  insert(
    database,
    'handler',
    'id, send_spec, send_ident, recv_spec, recv_ident, raw_payload, protocol',
    handlers.map((row) => [row.id, row.sendSpec, row.sendIdent, row.recvSpec, row.recvIdent, flag(row.rawPayload), row.protocol]),
  );
  insert(
    database,
    'directory',
    'id, base, index_file, default_ctype, cache_ttl',
    dirs.map(({ id, base, indexFile, defaultCtype, cacheTtl }) => [id, base, indexFile, defaultCtype, cacheTtl]),
  );
  insert(
    database,
    'proxy',
    'id, addr, port',
    proxies.map(({ id, addr, port }) => [id, addr, port]),
  );
}

function insertRest(database: SqlDatabase, { filters, xrequests, settings, mimetypes }: ConfigModel): void {
  for (const [table, rows] of [['filter', filters] as const, ['xrequest', xrequests] as const]) {
    insert(
      database,
      table,
      'id, server_id, name, settings',
      rows.map((row) => [row.id, row.serverId, row.name, row.settings]),
    );
  }
  insert(
    database,
    'setting',
    'key, value',
    settings.map(({ key, value }) => [key, value]),
  );
  insert(
    database,
    'mimetype',
    'extension, mimetype',
    mimetypes.map(({ extension, mimetype }) => [extension, mimetype]),
  );
}

function insertLog(database: SqlDatabase, { log }: ConfigModel, entry: LogEntry, now: number): void {
  const happenedAt = new Date(now).toISOString().slice(0, 19).replace('T', ' ');
  const rows = [...[...log].reverse(), { ...entry, happenedAt }];
  insert(
    database,
    'log',
    'who, what, location, happened_at, how, why',
    rows.map((row) => [row.who, row.what, row.location, row.happenedAt, row.how, row.why]),
  );
}
