import { M2Error } from '@m2/core';
import { handlersOf } from './check-handlers.js';
import type { ConfigModel, HandlerRow, HostRow, RouteRow, ServerRow } from './model.js';
import { nameOf } from './note.js';
import { ServerRouting } from './routing.js';

/** Which handlers of a configuration are meant. What is given has to hold together; nothing given means the only one there is. */
export interface HandlerSelector {
  /** The handler's id, or its `send_ident`. */
  readonly handler?: number | string;
  /** The server's uuid or name. */
  readonly server?: string;
  /** A Host header, with or without a port: the host that Mongrel2 takes for it. */
  readonly host?: string;
  /** A route as it is configured, of any host; where there is none like it, it is taken for a `path`. */
  readonly route?: string;
  /** A request path, or the `@name` or `<name` of a socket: the route that Mongrel2 takes for it, without `host` on the server's default host. */
  readonly path?: string;
  /** Several may fit. Default false: then that is an error. */
  readonly all?: boolean;
}

/** A handler of a server, with the routes that lead to it. */
export interface SelectedHandler {
  readonly server: ServerRow;
  readonly handler: HandlerRow;
  readonly routes: readonly { readonly host: HostRow; readonly route: RouteRow }[];
}

/**
 * Finds handlers, each socket pair of a server once.
 * @throws M2Error `M2_CONFIG_SELECTION` when none fits, or several without `all`; the message lists what there was to choose from.
 */
export function selectHandlers(model: ConfigModel, selector: HandlerSelector = {}): SelectedHandler[] {
  const every = model.servers.flatMap((server) => handlersWithRoutes(model, server));
  const servers = selectServers(model, selector);
  const found = servers.flatMap((server) => selectWithin(model, server, selector, every));
  if (found.length === 0) throw refused(noneText(model, selector, servers), selector, every);
  if (found.length > 1 && selector.all !== true)
    throw refused(`${found.length} handlers fit ${textOf(selector)}`, selector, found);
  return found;
}

/** The handlers of a server as Mongrel2 has them: rows with the same two addresses are one, whose idents and protocol are those of the first. */
function handlersWithRoutes(model: ConfigModel, server: ServerRow): SelectedHandler[] {
  const kept: HandlerRow[] = [];
  for (const handler of loadOrder(model, server)) if (!kept.some((one) => sameSockets(one, handler))) kept.push(handler);
  const hosts = model.hosts.filter(({ serverId }) => serverId === server.id);
  return kept.map((handler) => {
    const ids = new Set(model.handlers.filter((row) => sameSockets(row, handler)).map(({ id }) => id));
    const routes = hosts.flatMap((host) =>
      model.routes
        .filter(({ hostId, targetType, targetId }) => hostId === host.id && targetType === 'handler' && ids.has(targetId))
        .map((route) => ({ host, route })),
    );
    return { server, handler, routes };
  });
}

/** Mongrel2 loads host by host, and the routes of each in their order. */
function loadOrder(model: ConfigModel, server: ServerRow): HandlerRow[] {
  const rows = handlersOf(model, server);
  const hosts = model.hosts.filter(({ serverId }) => serverId === server.id);
  const order = hosts.flatMap(({ id }) =>
    model.routes.filter(({ hostId, targetType }) => hostId === id && targetType === 'handler'),
  );
  const rank = (handler: HandlerRow) => order.findIndex(({ targetId }) => targetId === handler.id);
  return [...rows].sort((a, b) => rank(a) - rank(b));
}

const sameSockets = (a: HandlerRow, b: HandlerRow): boolean => a.sendSpec === b.sendSpec && a.recvSpec === b.recvSpec;

function selectServers(model: ConfigModel, { server }: HandlerSelector): readonly ServerRow[] {
  if (server === undefined) return model.servers;
  const byUuid = model.servers.filter(({ uuid }) => uuid === server);
  return byUuid.length > 0 ? byUuid : model.servers.filter(({ name }) => name === server);
}

function selectWithin(
  model: ConfigModel,
  server: ServerRow,
  selector: HandlerSelector,
  every: readonly SelectedHandler[],
): SelectedHandler[] {
  const routes = routesFor(model, server, selector);
  return every.filter(({ server: owner, handler, routes: leading }) => {
    if (owner !== server || !isHandler(model, handler, selector.handler)) return false;
    return routes === undefined || leading.some(({ route }) => routes.includes(route));
  });
}

/** An id or ident may be that of a row which Mongrel2 merges into this one. */
function isHandler(model: ConfigModel, handler: HandlerRow, wanted: number | string | undefined): boolean {
  if (wanted === undefined) return true;
  const rows = model.handlers.filter((row) => sameSockets(row, handler));
  const byIdent = rows.some(({ sendIdent }) => sendIdent === wanted);
  const anyIdent = model.handlers.some(({ sendIdent }) => sendIdent === wanted);
  return byIdent || (!anyIdent && rows.some(({ id }) => String(id) === String(wanted)));
}

/** The routes that host, route and path leave; undefined when none of them was given. */
function routesFor(model: ConfigModel, server: ServerRow, { host, route, path }: HandlerSelector): RouteRow[] | undefined {
  if (host === undefined && route === undefined && path === undefined) return undefined;
  const routing = new ServerRouting(model, server);
  const matched = host === undefined ? undefined : routing.host(host);
  const all = model.hosts.filter(({ serverId }) => serverId === server.id);
  const hosts = host === undefined ? all : all.filter((one) => one === matched);
  const candidates = model.routes.filter(({ hostId }) => hosts.some(({ id }) => id === hostId));
  // As for a request without a Host header.
  const asked = host === undefined ? routing.host(undefined) : matched;
  const forPath = (text: string): RouteRow[] => {
    const found = asked === undefined ? undefined : routing.route(asked, text);
    return found === undefined ? [] : [found];
  };
  let routes = candidates;
  if (route !== undefined) {
    const exact = candidates.filter((row) => row.path === route);
    routes = exact.length > 0 ? exact : forPath(route);
  }
  if (path === undefined) return routes;
  const found = forPath(path.split('?', 1)[0] ?? path);
  return routes.filter((row) => found.includes(row));
}

function textOf({ handler, server, host, route, path }: HandlerSelector): string {
  const parts = Object.entries({ handler, server, host, route, path }).filter(([, value]) => value !== undefined);
  return parts.length === 0
    ? 'a selection that says nothing'
    : parts.map(([name, value]) => `${name} ${String(value)}`).join(', ');
}

function noneText(model: ConfigModel, selector: HandlerSelector, servers: readonly ServerRow[]): string {
  if (selector.server !== undefined && servers.length === 0) return `There is no server ${selector.server}`;
  const other = servers
    .flatMap((server) => routesFor(model, server, selector) ?? [])
    .find(({ targetType }) => targetType !== 'handler');
  if (other !== undefined) {
    const target =
      other.targetType === 'dir'
        ? model.dirs.find(({ id }) => id === other.targetId)?.base
        : model.proxies.find(({ id }) => id === other.targetId)?.addr;
    return `${textOf(selector)} leads to the route ${other.path} and to the ${other.targetType} ${String(target)}, not to a handler`;
  }
  return `No handler fits ${textOf(selector)}`;
}

const MAX_CHOICES = 50;

/** One line a handler: its name, server and routes. */
export function choiceText({ server, handler, routes }: SelectedHandler): string {
  const where = routes.map(({ host, route }) => `${host.name} ${route.path}`).join(', ');
  return `${nameOf.handler(handler)} (id ${handler.id}, ${handler.sendSpec}) of ${nameOf.server(server)}: ${where}`;
}

function refused(what: string, selector: HandlerSelector, choices: readonly SelectedHandler[]): M2Error {
  const lines = choices.slice(0, MAX_CHOICES).map((choice) => `  ${choiceText(choice)}`);
  if (choices.length > MAX_CHOICES) lines.push(`  and ${choices.length - MAX_CHOICES} more`);
  const list = lines.length === 0 ? 'The configuration has no routes to handlers.' : `There are:\n${lines.join('\n')}`;
  return new M2Error('M2_CONFIG_SELECTION', `${what}. ${list}`, {
    details: { selector, choices: choices.slice(0, MAX_CHOICES).map(choiceText) },
  });
}
