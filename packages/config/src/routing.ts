import type { ConfigModel, HostRow, RouteRow, ServerRow } from './model.js';
import { matchesPattern } from './pattern.js';
import { SearchTree } from './search-tree.js';

interface Entry<T> {
  readonly value: T;
  /** The plain part: before the first `(` of a route, after the last `)` of a host. */
  readonly plain: string;
  /** The rest, from the parenthesis on; undefined without one. */
  readonly pattern: string | undefined;
  next: Entry<T> | undefined;
}

const reversed = (text: string): string => [...text].reverse().join('');

/** Everything is compared byte by byte: one character a byte from here on. */
const bytesOf = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

function insert<T>(tree: SearchTree<Entry<T>>, key: string, entry: Entry<T>): void {
  const former = tree.get(key);
  if (former === undefined) tree.insert(key, entry);
  else {
    // A second one with the same plain part comes right after the first, before those that came in between.
    entry.next = former.next;
    former.next = entry;
  }
}

/** Which route of a host Mongrel2 takes for a path. */
export class RouteMap {
  private readonly tree = new SearchTree<Entry<RouteRow>>();

  constructor(routes: readonly RouteRow[]) {
    for (const route of routes) {
      const path = bytesOf(route.path);
      const paren = path.indexOf('(');
      const plain = paren === -1 ? path : path.slice(0, paren);
      insert(this.tree, plain, { value: route, plain, pattern: paren === -1 ? undefined : path.slice(paren), next: undefined });
    }
  }

  /**
   * The route of a request path without its query, or of the `@name` or `<name` of a socket. The longest plain part wins, and if its pattern does
   * not match, nothing does: a shorter route is not tried.
   */
  match(path: string): RouteRow | undefined {
    const text = bytesOf(path);
    let entry = this.tree.find(text);
    if (entry === undefined || entry.pattern === undefined) return entry?.value;
    for (; entry !== undefined; entry = entry.next) {
      const rest = text.slice(entry.plain.length);
      // Where a path is shorter than the plain part there is nothing that a pattern could be tried on.
      if (text.length >= entry.plain.length && matchesPattern(rest, entry.pattern ?? '')) return entry.value;
    }
    return undefined;
  }
}

/** Which host of a server Mongrel2 takes for a Host header. */
export class HostMap {
  private readonly tree = new SearchTree<Entry<HostRow>>();

  constructor(
    hosts: readonly HostRow[],
    private readonly fallback: HostRow | undefined,
  ) {
    for (const host of hosts) {
      const matching = bytesOf(host.matching);
      const paren = matching.lastIndexOf(')');
      const plain = paren === -1 ? matching : matching.slice(paren + 1);
      const pattern = paren === -1 ? undefined : `${matching.slice(0, paren + 1)}$`;
      insert(this.tree, reversed(plain), { value: host, plain, pattern, next: undefined });
    }
  }

  /** The host of a Host header, with or without a port; undefined for a request without one. Without a match the default host, if there is one. */
  match(header: string | undefined): HostRow | undefined {
    if (header === undefined) return this.fallback;
    const text = bytesOf(header);
    const colon = text.indexOf(':');
    const name = colon > 0 ? text.slice(0, colon) : text;
    const entry = this.tree.find(reversed(name));
    if (entry === undefined) return this.fallback;
    if (entry.pattern === undefined) return entry.value;
    const length = name.length - entry.plain.length;
    return length >= 0 && matchesPattern(name, entry.pattern, length) ? entry.value : this.fallback;
  }
}

/** Answers, for one server of a configuration, where Mongrel2 sends a request. */
export class ServerRouting {
  private readonly hostMap: HostMap;
  private readonly routeMaps = new Map<number, RouteMap>();

  constructor(model: ConfigModel, server: ServerRow) {
    const hosts = model.hosts.filter(({ serverId }) => serverId === server.id);
    for (const { id } of hosts) {
      this.routeMaps.set(id, new RouteMap(model.routes.filter(({ hostId }) => hostId === id)));
    }
    // Of several with the default host's name, Mongrel2 keeps the last.
    const fallback = hosts.filter(({ name }) => name === server.defaultHost).at(-1);
    this.hostMap = new HostMap(hosts, fallback);
  }

  /** The host of a Host header; undefined when Mongrel2 answers 404. */
  host(header: string | undefined): HostRow | undefined {
    return this.hostMap.match(header);
  }

  /** The route of a path on a host; undefined when Mongrel2 answers 404. */
  route(host: HostRow, path: string): RouteRow | undefined {
    return this.routeMaps.get(host.id)?.match(path);
  }
}
