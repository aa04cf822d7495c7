import type { ConfigModel, HostRow, RouteRow, ServerRow } from './model.js';
import { type Notes, nameOf } from './note.js';
import { patternProblem } from './pattern.js';
import { SettingValues } from './settings.js';

/** Hosts and their routes: patterns, lengths, what hides what, what leads nowhere. */
export function checkHosts(model: ConfigModel, notes: Notes): void {
  const settings = new SettingValues(model.settings);
  for (const server of model.servers) checkServer(model, server, settings.number('limits.host_name'), notes);
  const serverIds = new Set(model.servers.map(({ id }) => id));
  const hostIds = new Set(model.hosts.map(({ id }) => id));
  for (const host of model.hosts) {
    if (!serverIds.has(host.serverId)) notes.warn('lost-host', nameOf.host(host), `its server ${host.serverId} does not exist.`);
    const routes = model.routes.filter(({ hostId }) => hostId === host.id);
    for (const route of routes) checkRoute(model, host, route, settings.number('limits.url_path'), notes);
    checkOverlaps(host, routes, notes);
  }
  for (const route of model.routes) {
    if (!hostIds.has(route.hostId)) notes.warn('lost-route', nameOf.route(route), `its host ${route.hostId} does not exist.`);
  }
}

function checkServer(model: ConfigModel, server: ServerRow, longest: number, notes: Notes): void {
  const where = nameOf.server(server);
  const hosts = model.hosts.filter(({ serverId }) => serverId === server.id);
  if (!hosts.some(({ name }) => name === server.defaultHost)) {
    const names = hosts.map(({ name }) => name).join(', ');
    notes.error(
      'no-default-host',
      where,
      `its default_host is ${JSON.stringify(server.defaultHost)}, and it has ${names === '' ? 'no hosts' : `the hosts ${names}`}: Mongrel2 does not start.`,
    );
  }
  const seen = new Map<string, HostRow>();
  for (const host of hosts) {
    const { name, matching } = host;
    const at = `${where}, ${nameOf.host(host)}`;
    const problem = patternProblem(matching);
    if (name === '' || matching === '') notes.error('empty-host', at, 'its name and matching must not be empty.');
    if (problem !== undefined)
      notes.error('bad-pattern', at, `its matching ${JSON.stringify(matching)} is no pattern: ${problem}.`);
    const after = matching.slice(matching.lastIndexOf(')') + 1);
    if (matching !== '' && after === '') {
      notes.error(
        'bad-pattern',
        at,
        `its matching ${JSON.stringify(matching)} ends with a pattern; it has to end with plain text, such as (www)?.example.com.`,
      );
    }
    if (matching.includes(':'))
      notes.warn(
        'host-with-port',
        at,
        'its matching has a ":", but Mongrel2 takes the port off the Host header before it compares.',
      );
    for (const text of [name, matching]) {
      if (Buffer.byteLength(text) >= longest)
        notes.error('long-host', at, `it has to be shorter than limits.host_name, ${longest}.`);
    }
    const twin = seen.get(after);
    if (twin !== undefined && after !== '') {
      notes.warn(
        'same-host',
        at,
        `its matching ends like that of ${nameOf.host(twin)}, so Mongrel2 asks only the first of them.`,
      );
    } else seen.set(after, host);
  }
}

function checkRoute(model: ConfigModel, host: HostRow, route: RouteRow, longest: number, notes: Notes): void {
  const at = `${nameOf.host(host)}, ${nameOf.route(route)}`;
  const { path, targetType, targetId } = route;
  const problem = patternProblem(path);
  if (problem !== undefined) notes.error('bad-pattern', at, `it is no pattern: ${problem}.`);
  if (!/^[/@<*]/.test(path)) {
    notes.error(
      'unreachable-route',
      at,
      'no request reaches it: paths begin with "/", those of JSON sockets with "@", those of XML sockets with "<".',
    );
  }
  if (Buffer.byteLength(path) >= longest) notes.error('long-route', at, `it has to be shorter than limits.url_path, ${longest}.`);
  if (!path.includes('(') && /[\\[\]+*?^$]/.test(path) && path !== '*') {
    notes.warn('plain-pattern', at, 'it has characters of patterns, but no "(": without one Mongrel2 takes all of it literally.');
  }
  if (path.includes('$)')) {
    notes.warn(
      'inner-dollar',
      at,
      'a "$" before a ")" stands for itself: only as the last character of all is it the end of the path.',
    );
  }
  const tables = { handler: model.handlers, dir: model.dirs, proxy: model.proxies };
  if (!tables[targetType].some(({ id }) => id === targetId)) {
    notes.error('lost-target', at, `it leads to ${targetType} ${targetId}, which does not exist: Mongrel2 does not start.`);
  }
}

const plainOf = (path: string): string => (path.includes('(') ? path.slice(0, path.indexOf('(')) : path);

/** Routes that others hide, and paths that fall between two. */
function checkOverlaps(host: HostRow, routes: readonly RouteRow[], notes: Notes): void {
  const byPlain = new Map<string, RouteRow[]>();
  for (const route of routes) {
    const plain = plainOf(route.path);
    byPlain.set(plain, [...(byPlain.get(plain) ?? []), route]);
  }
  for (const [plain, [first, ...others]] of byPlain) {
    if (first === undefined) continue;
    const at = (route: RouteRow) => `${nameOf.host(host)}, ${nameOf.route(route)}`;
    for (const other of others) {
      if (other.path === first.path) notes.warn('same-route', at(other), 'it is there twice: Mongrel2 takes the first.');
      else if (!first.path.includes('(')) {
        notes.warn(
          'hidden-route',
          at(other),
          `${first.path} comes before it and takes all paths that begin with ${plain}: put it last.`,
        );
      }
    }
    if (!first.path.includes('(') || others.some(({ path }) => !path.includes('('))) continue;
    const shorter = [...byPlain.keys()]
      .filter((key) => key !== plain && plain.startsWith(key))
      .sort((a, b) => b.length - a.length)[0];
    if (shorter !== undefined) {
      notes.warn(
        'pattern-hides-prefix',
        at(first),
        `paths that begin with ${plain} and do not match get 404: Mongrel2 does not go on to ${shorter}. Add a route ${plain} after it for the rest.`,
      );
    }
  }
}
