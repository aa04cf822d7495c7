import { M2Error } from '@m2/core';

/** Finds the route of a path as Mongrel2 does, its oddity included (protocol 2.3). */
export class Routes<T> {
  private readonly routes: { readonly path: string; readonly target: T }[] = [];

  /**
   * Adds a route: a prefix of paths, or `*` for `OPTIONS *`.
   * @throws M2Error `M2_OPTION_INVALID` for a path that Mongrel2 or the front would not take, and for one that is there already.
   */
  add(path: string, target: T): void {
    const problem = problemOf(path);
    if (problem !== undefined) throw refused(path, problem);
    if (this.routes.some((route) => route.path === path)) throw refused(path, 'another handler has it already');
    this.routes.push({ path, target });
  }

  /** The route of a path; undefined when none matches. */
  find(path: string): { readonly path: string; readonly target: T } | undefined {
    // A path that is the beginning of a route matches it: Mongrel2 walks its tree of routes down to the next one from
    // there, along whichever of them was added first.
    const below = this.routes.find((route) => route.path.startsWith(path));
    if (below !== undefined) {
      return this.longest((route) => route.startsWith(path) && below.path.startsWith(route), -1);
    }
    return this.longest((route) => path.startsWith(route), 1);
  }

  private longest(matches: (route: string) => boolean, sign: 1 | -1): { readonly path: string; readonly target: T } | undefined {
    const found = this.routes.filter((route) => matches(route.path));
    return found.sort((a, b) => sign * (b.path.length - a.path.length))[0];
  }
}

const refused = (path: unknown, problem: string): M2Error =>
  new M2Error('M2_OPTION_INVALID', `The route ${JSON.stringify(path)} cannot be used: ${problem}.`, {
    details: { option: 'path', value: path },
  });

function problemOf(path: unknown): string | undefined {
  if (typeof path !== 'string' || (path !== '*' && !path.startsWith('/'))) return 'it must begin with "/", or be "*"';
  if (path.includes('(')) return 'the front has no patterns, only prefixes: leave out what is in parentheses';
  return /^[!-~]+$/.test(path) ? undefined : 'it has blanks or characters outside ASCII';
}
