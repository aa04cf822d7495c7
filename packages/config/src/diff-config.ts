import type { ConfigModel, RouteRow, ServerRow } from './model.js';

/** One thing in which two configurations differ. */
export interface ConfigChange {
  readonly kind: 'added' | 'removed' | 'changed';
  /** What, such as `server main, host localhost, route /api/`. */
  readonly what: string;
  /** As it was; undefined for what was added. */
  readonly before: string | undefined;
  /** As it is; undefined for what was removed. */
  readonly after: string | undefined;
}

/**
 * In what two configurations differ for Mongrel2. Ids, and the order of rows where it means nothing, do not count; the order of a host's routes does.
 */
export function diffConfigs(before: ConfigModel, after: ConfigModel): ConfigChange[] {
  const [a, b] = [factsOf(before), factsOf(after)];
  const changes: ConfigChange[] = [];
  for (const [what, value] of a) {
    const other = b.get(what);
    if (other === undefined) changes.push({ kind: 'removed', what, before: textOf(value), after: undefined });
    else if (textOf(other) !== textOf(value)) {
      const names = [...new Set([...Object.keys(value), ...Object.keys(other)])].filter((name) => value[name] !== other[name]);
      changes.push({ kind: 'changed', what, before: textOf(value, names), after: textOf(other, names) });
    }
  }
  for (const [what, value] of b) if (!a.has(what)) changes.push({ kind: 'added', what, before: undefined, after: textOf(value) });
  return [...changes, ...orderChanges(before, after)];
}

/** What is said of one thing, by name; what has but one value has it under the empty name. */
type Fact = Readonly<Record<string, string>>;

const fact = (row: object, ...without: readonly string[]): Fact =>
  Object.fromEntries(
    Object.entries(row)
      .filter(([name, value]) => !without.includes(name) && value !== undefined)
      .map(([name, value]) => [name, typeof value === 'string' ? JSON.stringify(value) : String(value)]),
  );

const textOf = (value: Fact, names: readonly string[] = Object.keys(value)): string =>
  names
    .filter((name) => value[name] !== undefined)
    .map((name) => (name === '' ? value[name] : `${name}=${value[name]}`))
    .join(' ');

/** Adds a fact; one of the same name gets a number. */
function put(facts: Map<string, Fact>, what: string, value: Fact): void {
  let name = what;
  for (let count = 2; facts.has(name); count++) name = `${what} (${count})`;
  facts.set(name, value);
}

function targetText(model: ConfigModel, { targetType, targetId, reversed }: RouteRow): string {
  const tables: Record<RouteRow['targetType'], readonly { readonly id: number }[]> = {
    handler: model.handlers,
    dir: model.dirs,
    proxy: model.proxies,
  };
  const target = tables[targetType].find(({ id }) => id === targetId);
  return `${targetType} ${target === undefined ? 'that does not exist' : textOf(fact(target, 'id'))}${reversed ? ' reversed' : ''}`;
}

function serverFacts(model: ConfigModel, server: ServerRow, facts: Map<string, Fact>): void {
  const name = `server ${server.uuid}`;
  put(facts, name, fact(server, 'id', 'uuid'));
  for (const host of model.hosts.filter(({ serverId }) => serverId === server.id)) {
    const at = `${name}, host ${host.name}`;
    put(facts, at, fact(host, 'id', 'serverId', 'name'));
    for (const route of model.routes.filter(({ hostId }) => hostId === host.id)) {
      put(facts, `${at}, route ${route.path}`, { '': targetText(model, route) });
    }
  }
  for (const [kind, rows] of [['filter', model.filters] as const, ['xrequest', model.xrequests] as const]) {
    for (const row of rows.filter(({ serverId }) => serverId === server.id))
      put(facts, `${name}, ${kind} ${row.name}`, fact(row, 'id', 'serverId', 'name'));
  }
}

function factsOf(model: ConfigModel): Map<string, Fact> {
  const facts = new Map<string, Fact>();
  for (const server of model.servers) serverFacts(model, server, facts);
  const used = new Set(model.routes.map(({ targetType, targetId }) => `${targetType} ${targetId}`));
  for (const [type, rows] of [
    ['handler', model.handlers] as const,
    ['dir', model.dirs] as const,
    ['proxy', model.proxies] as const,
  ]) {
    for (const row of rows) if (!used.has(`${type} ${row.id}`)) put(facts, `unused ${type} ${textOf(fact(row, 'id'))}`, {});
  }
  for (const { key, value } of model.settings) put(facts, `setting ${key}`, { '': JSON.stringify(value) });
  for (const { extension, mimetype } of model.mimetypes) put(facts, `mimetype ${extension}`, { '': JSON.stringify(mimetype) });
  return facts;
}

/** Routes of a host that both have, in another order. */
function orderChanges(before: ConfigModel, after: ConfigModel): ConfigChange[] {
  const [a, b] = [ordersOf(before), ordersOf(after)];
  return [...a].flatMap(([what, paths]): ConfigChange[] => {
    const others = b.get(what) ?? [];
    const [left, right] = [paths.filter((path) => others.includes(path)), others.filter((path) => paths.includes(path))];
    if (left.join('\n') === right.join('\n')) return [];
    return [{ kind: 'changed', what: `${what}, order of routes`, before: left.join(' '), after: right.join(' ') }];
  });
}

function ordersOf(model: ConfigModel): Map<string, string[]> {
  const orders = new Map<string, string[]>();
  for (const host of model.hosts) {
    const server = model.servers.find(({ id }) => id === host.serverId);
    const name = `server ${server?.uuid ?? '?'}, host ${host.name}`;
    const paths = model.routes.filter(({ hostId }) => hostId === host.id).map(({ path }) => path);
    orders.set(name, [...(orders.get(name) ?? []), ...paths]);
  }
  return orders;
}
