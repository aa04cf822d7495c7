import {
  decodeTnetstring,
  formatTnetstring,
  inferRecvSpec,
  M2Error,
  SocketSpec,
  type TnetstringInput,
  type TnetstringValue,
} from '@m2/core';
import type {
  ConfigDefinition,
  HandlerDefinition,
  HostDefinition,
  PluginDefinition,
  RouteTarget,
  ServerDefinition,
} from './definition.js';
import { STANDARD_MIMETYPES } from './mimetypes.js';
import type { ConfigModel, HandlerRow, HostRow, PluginRow, RouteRow, ServerRow, TargetType } from './model.js';
import { SETTINGS } from './settings.js';

/** A configuration as a definition. */
export interface ImportedConfig {
  readonly definition: ConfigDefinition;
  /** What a definition cannot say, and was left out: rows that belong to nothing, which Mongrel2 does not see either, and values of plug-ins. */
  readonly lost: readonly string[];
}

/** Makes the definition from which the same configuration can be built again. Ids are not kept. */
export function importConfig(model: ConfigModel): ImportedConfig {
  return new Importer(model).run();
}

type Names = Record<TargetType, Map<number, string>>;

class Importer {
  private readonly lost: string[] = [];
  private readonly names: Names = { handler: new Map(), dir: new Map(), proxy: new Map() };

  constructor(private readonly model: ConfigModel) {}

  run(): ImportedConfig {
    const { model } = this;
    const handlers = this.table('handler', model.handlers, ({ sendIdent }) => sendIdent, handlerDefinition);
    const dirs = this.table(
      'dir',
      model.dirs,
      ({ base }) => base,
      ({ base, indexFile, defaultCtype, cacheTtl }) => ({
        base,
        ...(indexFile === 'index.html' ? {} : { indexFile }),
        ...(defaultCtype === 'text/plain' ? {} : { defaultCtype }),
        ...(cacheTtl === 0 ? {} : { cacheTtl }),
      }),
    );
    const proxies = this.table(
      'proxy',
      model.proxies,
      ({ addr, port }) => `${addr}-${port}`,
      ({ addr, port }) => ({ addr, port }),
    );
    const servers = model.servers.map((server) => this.server(server));
    for (const host of model.hosts) {
      if (!model.servers.some(({ id }) => id === host.serverId))
        this.lost.push(`host ${host.name}: its server ${host.serverId} does not exist.`);
    }
    for (const route of model.routes) {
      if (!model.hosts.some(({ id }) => id === route.hostId))
        this.lost.push(`route ${route.path}: its host ${route.hostId} does not exist.`);
    }
    const definition: ConfigDefinition = {
      servers,
      ...(model.handlers.length > 0 ? { handlers } : {}),
      ...(model.dirs.length > 0 ? { dirs } : {}),
      ...(model.proxies.length > 0 ? { proxies } : {}),
      ...this.settings(),
      ...this.mimetypes(),
    };
    return { definition, lost: this.lost };
  }

  /** Targets by names that are made of what they are, each once. */
  private table<R extends { readonly id: number }, T>(
    type: TargetType,
    rows: readonly R[],
    textOf: (row: R) => string,
    define: (row: R) => T,
  ): Record<string, T> {
    const table: Record<string, T> = Object.create(null);
    for (const row of rows) {
      const words = textOf(row)
        .split(/[^A-Za-z0-9]+/)
        .filter((word) => word !== '');
      const camel = words.map((word, index) => (index === 0 ? word : word.charAt(0).toUpperCase() + word.slice(1))).join('');
      // A long ident or one of digits first is no name that anybody would write.
      const base = /^[A-Za-z]/.test(camel) && camel.length <= 30 ? camel : `${type}${row.id}`;
      let name = base;
      for (let count = 2; Object.hasOwn(table, name); count++) name = `${base}_${count}`;
      table[name] = define(row);
      this.names[type].set(row.id, name);
    }
    return { ...table };
  }

  private server(server: ServerRow): ServerDefinition {
    const hosts = this.model.hosts.filter(({ serverId }) => serverId === server.id);
    const plugins = (rows: readonly PluginRow[]) =>
      rows.filter(({ serverId }) => serverId === server.id).map((row) => this.plugin(row));
    const filters = plugins(this.model.filters);
    const xrequests = plugins(this.model.xrequests);
    return {
      uuid: server.uuid,
      ...(server.name === server.uuid ? {} : { name: server.name }),
      port: server.port,
      ...(server.bindAddr === '0.0.0.0' ? {} : { bindAddr: server.bindAddr }),
      chroot: server.chroot,
      accessLog: server.accessLog,
      errorLog: server.errorLog,
      pidFile: server.pidFile,
      ...(server.controlPort === '' ? {} : { controlPort: server.controlPort }),
      ...(server.defaultHost === (hosts[0]?.name ?? '') ? {} : { defaultHost: server.defaultHost }),
      ...(server.useSsl ? { useSsl: true } : {}),
      ...(server.errorLogLevel === undefined ? {} : { errorLogLevel: server.errorLogLevel }),
      hosts: hosts.map((host) => this.host(host)),
      ...(filters.length > 0 ? { filters } : {}),
      ...(xrequests.length > 0 ? { xrequests } : {}),
    };
  }

  private host(host: HostRow): HostDefinition {
    const rows = this.model.routes.filter(({ hostId }) => hostId === host.id);
    const entries = rows.flatMap((row) => {
      const target = this.target(row);
      return target === undefined ? [] : [[row.path, target] as const];
    });
    // An object keeps neither two of one name, nor the order of names that look like numbers.
    const asObject =
      new Set(entries.map(([path]) => path)).size === entries.length && !entries.some(([path]) => /^\d+$/.test(path));
    return {
      name: host.name,
      ...(host.matching === host.name ? {} : { matching: host.matching }),
      ...(host.maintenance ? { maintenance: true } : {}),
      routes: asObject ? Object.fromEntries(entries) : entries,
    };
  }

  private target({ path, targetType, targetId, reversed }: RouteRow): RouteTarget | undefined {
    const name = this.names[targetType].get(targetId);
    if (name === undefined) {
      this.lost.push(`route ${path}: its ${targetType} ${targetId} does not exist.`);
      return undefined;
    }
    const more = reversed ? { reversed } : {};
    if (targetType === 'handler') return { handler: name, ...more };
    return targetType === 'dir' ? { dir: name, ...more } : { proxy: name, ...more };
  }

  private plugin({ name, settings }: PluginRow): PluginDefinition {
    const value = decodeTnetstring(Buffer.from(settings, 'utf8'));
    if (!(value instanceof Map)) {
      this.lost.push(`plug-in ${name}: its settings are no tnetstring dict.`);
      return { name };
    }
    const plain = plainValue(value) as { readonly [key: string]: TnetstringInput };
    if (!isSame(settings, value))
      this.lost.push(`plug-in ${name}: its settings have a value that cannot be written again, such as a fraction.`);
    return Object.keys(plain).length === 0 ? { name } : { name, settings: plain };
  }

  private settings(): Pick<ConfigDefinition, 'settings' | 'otherSettings'> {
    const settings: Record<string, string | number | boolean> = {};
    const otherSettings: Record<string, string> = {};
    for (const { key, value } of this.model.settings) {
      if (Object.hasOwn(settings, key) || Object.hasOwn(otherSettings, key)) {
        this.lost.push(`setting ${key}: it is there twice, and Mongrel2 keeps the first.`);
        continue;
      }
      const info = Object.hasOwn(SETTINGS, key) ? SETTINGS[key as keyof typeof SETTINGS] : undefined;
      if (info?.kind === 'switch' && (value === '0' || value === '1')) settings[key] = value === '1';
      else if (info?.kind === 'number' && /^(?:0|[1-9]\d{0,14})$/.test(value)) settings[key] = Number(value);
      else if (info?.kind === 'text') settings[key] = value;
      else otherSettings[key] = value;
    }
    return {
      ...(Object.keys(settings).length > 0 ? { settings } : {}),
      ...(Object.keys(otherSettings).length > 0 ? { otherSettings } : {}),
    };
  }

  private mimetypes(): Pick<ConfigDefinition, 'mimetypes' | 'standardMimetypes'> {
    const all = new Map<string, string>();
    for (const { extension, mimetype } of this.model.mimetypes) {
      if (all.has(extension)) this.lost.push(`mimetype ${extension}: it is there twice.`);
      else all.set(extension, mimetype);
    }
    const standard = Object.keys(STANDARD_MIMETYPES).every((extension) => all.has(extension));
    const own = [...all].filter(([extension, mimetype]) => !standard || STANDARD_MIMETYPES[extension] !== mimetype);
    return {
      ...(standard ? {} : { standardMimetypes: false }),
      ...(own.length > 0 ? { mimetypes: Object.fromEntries(own) } : {}),
    };
  }
}

function handlerDefinition(row: HandlerRow): HandlerDefinition {
  return {
    sendSpec: row.sendSpec,
    sendIdent: row.sendIdent,
    ...(row.recvSpec === inferred(row.sendSpec) ? {} : { recvSpec: row.recvSpec }),
    ...(row.recvIdent === `${row.sendIdent} ` ? {} : { recvIdent: row.recvIdent }),
    ...(row.protocol === 'tnetstring' ? {} : { protocol: row.protocol as 'json' }),
    ...(row.rawPayload ? { rawPayload: true } : {}),
  };
}

function inferred(sendSpec: string): string | undefined {
  try {
    return inferRecvSpec(SocketSpec.parse(`${sendSpec}#bind`)).address;
  } catch (error) {
    if (M2Error.is(error)) return undefined;
    throw error;
  }
}

/** A value with its bytes read as UTF-8 and dicts as objects. */
function plainValue(value: TnetstringValue): TnetstringInput {
  if (typeof value === 'string') return Buffer.from(value, 'latin1').toString('utf8');
  if (Array.isArray(value)) return value.map((item: TnetstringValue) => plainValue(item));
  if (value instanceof Map)
    return Object.fromEntries([...value].map(([key, item]) => [String(plainValue(key)), plainValue(item)]));
  return value as TnetstringInput;
}

function isSame(settings: string, value: TnetstringValue): boolean {
  try {
    return formatTnetstring(value as TnetstringInput) === Buffer.from(settings, 'utf8').toString('latin1');
  } catch (error) {
    if (M2Error.is(error)) return false;
    throw error;
  }
}
