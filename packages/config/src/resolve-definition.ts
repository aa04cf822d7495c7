import { formatTnetstring, inferRecvSpec, M2Error, SocketSpec, type TnetstringInput } from '@m2/core';
import type {
  ConfigDefinition,
  DirDefinition,
  HandlerDefinition,
  HostDefinition,
  PluginDefinition,
  ProxyDefinition,
  RouteTable,
  RouteTarget,
  ServerDefinition,
} from './definition.js';
import { STANDARD_MIMETYPES } from './mimetypes.js';
import type {
  ConfigModel,
  DirRow,
  HandlerRow,
  HostRow,
  MimetypeRow,
  PluginRow,
  ProxyRow,
  RouteRow,
  ServerRow,
  SettingRow,
  TargetType,
} from './model.js';

/** Something in a definition that cannot be built. */
export interface DefinitionProblem {
  /** Where, such as `servers[0].hosts[0].routes["/api/"]`. */
  readonly where: string;
  /** What is wrong and what to do. */
  readonly text: string;
}

/** A definition as rows, with what could not be made sense of. */
export interface ResolvedDefinition {
  readonly model: ConfigModel;
  readonly problems: readonly DefinitionProblem[];
}

/** Makes rows of a definition: names become ids, and what was left out gets its default. Targets are numbered in the order in which routes use them, as m2sh does. */
export function resolveDefinition(definition: ConfigDefinition): ResolvedDefinition {
  const resolver = new Resolver(definition);
  return { model: resolver.run(), problems: resolver.problems };
}

type Named<T> = Readonly<Record<string, T>>;

const isText = (value: unknown): value is string => typeof value === 'string';

class Resolver {
  readonly problems: DefinitionProblem[] = [];
  private readonly servers: ServerRow[] = [];
  private readonly hosts: HostRow[] = [];
  private readonly routes: RouteRow[] = [];
  private readonly handlers: HandlerRow[] = [];
  private readonly dirs: DirRow[] = [];
  private readonly proxies: ProxyRow[] = [];
  private readonly filters: PluginRow[] = [];
  private readonly xrequests: PluginRow[] = [];
  /** Ids of what was made already: one definition, one row. */
  private readonly made = new Map<object, number>();

  constructor(private readonly definition: ConfigDefinition) {}

  run(): ConfigModel {
    const { definition } = this;
    for (const [index, server] of this.list('servers', definition.servers).entries()) this.server(server, `servers[${index}]`);
    // What no route leads to is written too: it may be meant for later, and an import has to keep it.
    for (const [name, one] of Object.entries(definition.handlers ?? {})) this.handler(one, `handlers.${name}`);
    for (const one of Object.values(definition.dirs ?? {})) this.dir(one);
    for (const one of Object.values(definition.proxies ?? {})) this.proxy(one);
    return {
      servers: this.servers,
      hosts: this.hosts,
      routes: this.routes,
      handlers: this.handlers,
      dirs: this.dirs,
      proxies: this.proxies,
      filters: this.filters,
      xrequests: this.xrequests,
      settings: this.settings(),
      mimetypes: this.mimetypes(),
      log: [],
    };
  }

  private problem(where: string, text: string): void {
    this.problems.push({ where, text });
  }

  private list<T>(where: string, value: readonly T[] | undefined): readonly T[] {
    if (value === undefined || Array.isArray(value)) return value ?? [];
    this.problem(where, 'it must be a list.');
    return [];
  }

  /** What a name stands for, or the thing itself. */
  private lookUp<T extends object>(kind: string, given: string | T, table: Named<T> | undefined, where: string): T | undefined {
    if (!isText(given)) {
      if (typeof given === 'object' && given !== null) return given;
      this.problem(where, `it must be a name of the definition's ${kind}, or one written out.`);
      return undefined;
    }
    if (table !== undefined && Object.hasOwn(table, given)) return table[given];
    const names = Object.keys(table ?? {});
    this.problem(
      where,
      `there is no ${given} in ${kind}; ${names.length === 0 ? 'it is empty' : `there are ${names.join(', ')}`}.`,
    );
    return undefined;
  }

  private server(server: ServerDefinition, where: string): void {
    const id = this.servers.length + 1;
    const hosts = this.list(`${where}.hosts`, server.hosts).map((host, index) =>
      this.lookUp<HostDefinition>('hosts', host, this.definition.hosts, `${where}.hosts[${index}]`),
    );
    this.servers.push({
      id,
      uuid: server.uuid,
      accessLog: server.accessLog ?? '/logs/access.log',
      errorLog: server.errorLog ?? '/logs/error.log',
      chroot: server.chroot ?? './',
      pidFile: server.pidFile ?? '/run/mongrel2.pid',
      controlPort: server.controlPort ?? '',
      defaultHost: server.defaultHost ?? hosts[0]?.name ?? '',
      name: server.name ?? server.uuid,
      bindAddr: server.bindAddr ?? '0.0.0.0',
      port: server.port,
      useSsl: server.useSsl ?? false,
      errorLogLevel: server.errorLogLevel,
    });
    for (const [index, host] of hosts.entries()) if (host !== undefined) this.host(host, id, `${where}.hosts[${index}]`);
    this.plugins('filters', server.filters, this.filters, id, where);
    this.plugins('xrequests', server.xrequests, this.xrequests, id, where);
  }

  private plugins(
    kind: 'filters' | 'xrequests',
    given: readonly (string | PluginDefinition)[] | undefined,
    rows: PluginRow[],
    serverId: number,
    where: string,
  ): void {
    for (const [index, one] of this.list(`${where}.${kind}`, given).entries()) {
      const at = `${where}.${kind}[${index}]`;
      const plugin = this.lookUp<PluginDefinition>(kind, one, this.definition[kind], at);
      if (plugin === undefined) continue;
      rows.push({ id: rows.length + 1, serverId, name: plugin.name, settings: this.tnetstring(plugin.settings ?? {}, at) });
    }
  }

  private tnetstring(settings: TnetstringInput, where: string): string {
    try {
      // Text of the database: its UTF-8 is what lengths count.
      return Buffer.from(formatTnetstring(utf8(settings)), 'latin1').toString('utf8');
    } catch (error) {
      this.problem(`${where}.settings`, M2Error.is(error) ? error.message : String(error));
      return '0:}';
    }
  }

  private host(host: HostDefinition, serverId: number, where: string): void {
    const id = this.hosts.length + 1;
    const { name, matching = name, maintenance = false } = host;
    this.hosts.push({ id, serverId, name, matching, maintenance });
    const given = host.routes;
    const table = this.lookUp<RouteTable>('routes', given, this.definition.routes, `${where}.routes`);
    if (table === undefined) return;
    const entries: readonly (readonly [string, RouteTarget])[] = Array.isArray(table)
      ? (table as readonly (readonly [string, RouteTarget])[])
      : Object.entries(table as Named<RouteTarget>);
    for (const [path, target] of entries) this.route(path, target, id, `${where}.routes[${JSON.stringify(path)}]`);
  }

  private route(path: string, target: RouteTarget, hostId: number, where: string): void {
    const found = this.target(target, where);
    if (found === undefined) return;
    const [targetType, targetId] = found;
    this.routes.push({ id: this.routes.length + 1, hostId, path, reversed: target.reversed ?? false, targetType, targetId });
  }

  private target(target: RouteTarget, where: string): readonly [TargetType, number] | undefined {
    const { handlers, dirs, proxies } = this.definition;
    if (typeof target === 'object' && target !== null) {
      if ('handler' in target) {
        const found = this.lookUp('handlers', target.handler, handlers, `${where}.handler`);
        return found === undefined ? undefined : ['handler', this.handler(found, where)];
      }
      if ('dir' in target) {
        const found = this.lookUp('dirs', target.dir, dirs, `${where}.dir`);
        return found === undefined ? undefined : ['dir', this.dir(found)];
      }
      if ('proxy' in target) {
        const found = this.lookUp('proxies', target.proxy, proxies, `${where}.proxy`);
        return found === undefined ? undefined : ['proxy', this.proxy(found)];
      }
    }
    this.problem(where, 'it leads nowhere: give { handler }, { dir } or { proxy }.');
    return undefined;
  }

  private once(definition: object, make: () => number): number {
    const known = this.made.get(definition);
    if (known !== undefined) return known;
    const id = make();
    this.made.set(definition, id);
    return id;
  }

  private handler(definition: HandlerDefinition, where: string): number {
    return this.once(definition, () => {
      const { sendSpec, sendIdent, recvIdent = `${sendIdent} `, protocol = 'tnetstring', rawPayload = false } = definition;
      const recvSpec = definition.recvSpec ?? this.infer(sendSpec, where);
      return this.handlers.push({
        id: this.handlers.length + 1,
        sendSpec,
        sendIdent,
        recvSpec,
        recvIdent,
        rawPayload,
        protocol,
      });
    });
  }

  private infer(sendSpec: string, where: string): string {
    try {
      return inferRecvSpec(SocketSpec.parse(`${sendSpec}#bind`)).address;
    } catch (error) {
      this.problem(`${where}.recvSpec`, `it is missing. ${M2Error.is(error) ? error.message : String(error)}`);
      return '';
    }
  }

  private dir(definition: DirDefinition): number {
    return this.once(definition, () => {
      const { base, indexFile = 'index.html', defaultCtype = 'text/plain', cacheTtl = 0 } = definition;
      return this.dirs.push({ id: this.dirs.length + 1, base, indexFile, defaultCtype, cacheTtl });
    });
  }

  private proxy(definition: ProxyDefinition): number {
    const { addr, port } = definition;
    return this.once(definition, () => this.proxies.push({ id: this.proxies.length + 1, addr, port }));
  }

  private settings(): SettingRow[] {
    const given = { ...this.definition.settings, ...this.definition.otherSettings };
    return Object.entries(given).flatMap(([key, value]) => {
      if (value === undefined) return [];
      return [{ key, value: typeof value === 'boolean' ? (value ? '1' : '0') : String(value) }];
    });
  }

  private mimetypes(): MimetypeRow[] {
    const { standardMimetypes = true, mimetypes = {} } = this.definition;
    const all = { ...(standardMimetypes ? STANDARD_MIMETYPES : {}), ...mimetypes };
    return Object.entries(all).map(([extension, mimetype]) => ({ extension, mimetype }));
  }
}

/** Texts as the bytes of their UTF-8, one character a byte, which is what tnetstrings are made of. */
function utf8(value: TnetstringInput): TnetstringInput {
  if (isText(value)) return Buffer.from(value, 'utf8').toString('latin1');
  if (Array.isArray(value)) return value.map((item: TnetstringInput) => utf8(item));
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  const entries = value instanceof Map ? [...value] : Object.entries(value);
  return Object.fromEntries(entries.map(([key, item]) => [String(utf8(key)), utf8(item as TnetstringInput)]));
}
