import { M2Error } from '@m2/core';
import { readDatabaseFile } from './database-file.js';
import type { ConfigModel, LogRow, PluginRow, RouteRow, ServerRow, TargetType } from './model.js';
import { integer, type Row, RowReader, text } from './row-reader.js';
import { loadSqlite } from './sqlite.js';

const str = (row: Row, name: string): string => String(row[name]);
const num = (row: Row, name: string): number => Number(row[name]);

/**
 * Reads Mongrel2's configuration database, of version 1.12 or 1.13. The file is never written, nor anything beside it.
 * @throws M2Error `M2_CONFIG_UNREADABLE`, `M2_CONFIG_BUSY`, or `M2_CONFIG_INVALID` for missing tables and wrong values, with table, row and column.
 */
export async function readConfig(path: string): Promise<ConfigModel> {
  return readConfigImage(await readDatabaseFile(path), path);
}

/** Like {@link readConfig}, from the bytes of a database; `path` is for messages. */
export async function readConfigImage(bytes: Uint8Array, path: string): Promise<ConfigModel> {
  const { Database } = await loadSqlite();
  const database = new Database(bytes);
  try {
    const reader = new RowReader(database, path);
    return {
      servers: readServers(reader),
      hosts: reader
        .rows('host', [integer('id'), integer('server_id'), text('name'), text('matching'), integer('maintenance', 0)])
        .map((row) => ({
          id: num(row, 'id'),
          serverId: num(row, 'server_id'),
          name: str(row, 'name'),
          matching: str(row, 'matching'),
          maintenance: num(row, 'maintenance') !== 0,
        })),
      routes: readRoutes(reader, path),
      ...readTargets(reader),
      filters: readPlugins(reader, 'filter'),
      xrequests: readPlugins(reader, 'xrequest'),
      settings: reader
        .rows('setting', [integer('id'), text('key'), text('value')])
        .map((row) => ({ key: str(row, 'key'), value: str(row, 'value') })),
      mimetypes: reader
        .rows('mimetype', [integer('id'), text('extension'), text('mimetype')])
        .map((row) => ({ extension: str(row, 'extension'), mimetype: str(row, 'mimetype') })),
      log: readLog(reader),
    };
  } finally {
    database.close();
  }
}

function readServers(reader: RowReader): ServerRow[] {
  const columns = [
    integer('id'),
    text('uuid'),
    text('access_log'),
    text('error_log'),
    text('chroot'),
    text('pid_file'),
    text('control_port', ''),
    text('default_host'),
    text('name', ''),
    text('bind_addr'),
    integer('port'),
    integer('use_ssl'),
  ];
  const rows = reader.rows('server', columns);
  const levelled = reader.hasColumn('server', 'error_log_level');
  const levels = levelled ? reader.rows('server', [integer('id'), integer('error_log_level', 0)]) : [];
  return rows.map((row, index) => ({
    id: num(row, 'id'),
    uuid: str(row, 'uuid'),
    accessLog: str(row, 'access_log'),
    errorLog: str(row, 'error_log'),
    chroot: str(row, 'chroot'),
    pidFile: str(row, 'pid_file'),
    controlPort: str(row, 'control_port'),
    defaultHost: str(row, 'default_host'),
    name: str(row, 'name'),
    bindAddr: str(row, 'bind_addr'),
    port: num(row, 'port'),
    useSsl: num(row, 'use_ssl') !== 0,
    errorLogLevel: levelled ? num(levels[index] ?? {}, 'error_log_level') : undefined,
  }));
}

const TARGET_TYPES: readonly string[] = ['handler', 'dir', 'proxy'] satisfies readonly TargetType[];

function readRoutes(reader: RowReader, path: string): RouteRow[] {
  const columns = [
    integer('id'),
    text('path'),
    integer('reversed', 0),
    integer('host_id'),
    integer('target_id'),
    text('target_type'),
  ];
  return reader.rows('route', columns).map((row) => {
    const targetType = str(row, 'target_type');
    if (!TARGET_TYPES.includes(targetType)) {
      throw new M2Error(
        'M2_CONFIG_INVALID',
        `Mongrel2's configuration ${path}: table route, row id ${num(row, 'id')}, column target_type has ${JSON.stringify(targetType)}; ` +
          `it must be one of ${TARGET_TYPES.join(', ')}.`,
        { details: { path, id: num(row, 'id') } },
      );
    }
    return {
      id: num(row, 'id'),
      hostId: num(row, 'host_id'),
      path: str(row, 'path'),
      reversed: num(row, 'reversed') !== 0,
      targetType: targetType as TargetType,
      targetId: num(row, 'target_id'),
    };
  });
}

function readTargets(reader: RowReader): Pick<ConfigModel, 'handlers' | 'dirs' | 'proxies'> {
  const idents = [integer('id'), text('send_spec'), text('send_ident'), text('recv_spec'), text('recv_ident')];
  return {
    handlers: reader.rows('handler', [...idents, integer('raw_payload', 0), text('protocol', 'json')]).map((row) => ({
      id: num(row, 'id'),
      sendSpec: str(row, 'send_spec'),
      sendIdent: str(row, 'send_ident'),
      recvSpec: str(row, 'recv_spec'),
      recvIdent: str(row, 'recv_ident'),
      // Mongrel2 compares with 1.
      rawPayload: num(row, 'raw_payload') === 1,
      protocol: str(row, 'protocol'),
    })),
    dirs: reader
      .rows('directory', [integer('id'), text('base'), text('index_file'), text('default_ctype'), integer('cache_ttl', 0)])
      .map((row) => ({
        id: num(row, 'id'),
        base: str(row, 'base'),
        indexFile: str(row, 'index_file'),
        defaultCtype: str(row, 'default_ctype'),
        cacheTtl: num(row, 'cache_ttl'),
      })),
    proxies: reader.rows('proxy', [integer('id'), text('addr'), integer('port')]).map((row) => ({
      id: num(row, 'id'),
      addr: str(row, 'addr'),
      port: num(row, 'port'),
    })),
  };
}

/** 1.13's own schema has no xrequest table, and older ones no filter table either. */
function readPlugins(reader: RowReader, table: 'filter' | 'xrequest'): PluginRow[] {
  return reader.rows(table, [integer('id'), integer('server_id'), text('name'), text('settings')], true).map((row) => ({
    id: num(row, 'id'),
    serverId: num(row, 'server_id'),
    name: str(row, 'name'),
    settings: str(row, 'settings'),
  }));
}

function readLog(reader: RowReader): LogRow[] {
  const columns = ['who', 'what', 'location', 'happened_at', 'how', 'why'].map((name) => text(name, ''));
  const rows = reader.rows('log', [integer('id'), ...columns], true).slice(-100);
  return rows.reverse().map((row) => ({
    who: str(row, 'who'),
    what: str(row, 'what'),
    location: str(row, 'location'),
    happenedAt: str(row, 'happened_at'),
    how: str(row, 'how'),
    why: str(row, 'why'),
  }));
}
