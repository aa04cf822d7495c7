import { SETTINGS } from './settings.js';
import { didYouMean } from './suggest.js';

type Kind = 'text' | 'number' | 'flag' | 'any';
type Shape = Readonly<Record<string, Kind>>;

const HANDLER: Shape = {
  sendSpec: 'text',
  sendIdent: 'text',
  recvSpec: 'text',
  recvIdent: 'text',
  protocol: 'text',
  rawPayload: 'flag',
};
const DIR: Shape = { base: 'text', indexFile: 'text', defaultCtype: 'text', cacheTtl: 'number' };
const PROXY: Shape = { addr: 'text', port: 'number' };
const PLUGIN: Shape = { name: 'text', settings: 'any' };
const TARGET: Shape = { handler: 'any', dir: 'any', proxy: 'any', reversed: 'flag' };
const HOST: Shape = { name: 'text', matching: 'text', maintenance: 'flag', routes: 'any' };
const SERVER: Shape = {
  uuid: 'text',
  name: 'text',
  port: 'number',
  bindAddr: 'text',
  chroot: 'text',
  accessLog: 'text',
  errorLog: 'text',
  pidFile: 'text',
  controlPort: 'text',
  defaultHost: 'text',
  useSsl: 'flag',
  errorLogLevel: 'number',
  hosts: 'any',
  filters: 'any',
  xrequests: 'any',
};
const TOP: Shape = {
  servers: 'any',
  hosts: 'any',
  routes: 'any',
  handlers: 'any',
  dirs: 'any',
  proxies: 'any',
  filters: 'any',
  xrequests: 'any',
  settings: 'any',
  otherSettings: 'any',
  mimetypes: 'any',
  standardMimetypes: 'flag',
};

const REQUIRED = new Map<Shape, readonly string[]>([
  [HANDLER, ['sendSpec', 'sendIdent']],
  [DIR, ['base']],
  [PROXY, ['addr', 'port']],
  [PLUGIN, ['name']],
  [HOST, ['name', 'routes']],
  [SERVER, ['uuid', 'port', 'hosts']],
  [TOP, ['servers']],
]);

/** Something in a definition that its types forbid. */
export interface ShapeProblem {
  readonly where: string;
  readonly text: string;
}

/** What the types of a definition forbid: in JavaScript, or past a cast, nobody else says so. */
export function shapeProblems(definition: unknown): ShapeProblem[] {
  const checker = new ShapeChecker();
  checker.definition(definition);
  return checker.problems;
}

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);

class ShapeChecker {
  readonly problems: ShapeProblem[] = [];

  private problem(where: string, text: string): void {
    this.problems.push({ where, text });
  }

  definition(value: unknown): void {
    const top = this.object(value, TOP, '');
    if (top === undefined) return;
    this.each(top.servers, 'servers', (one, where) => this.server(one, where));
    this.named(top.hosts, 'hosts', (one, where) => this.host(one, where));
    this.named(top.routes, 'routes', (one, where) => this.routes(one, where));
    for (const [name, shape] of Object.entries({
      handlers: HANDLER,
      dirs: DIR,
      proxies: PROXY,
      filters: PLUGIN,
      xrequests: PLUGIN,
    })) {
      this.named(top[name], name, (one, where) => void this.object(one, shape, where));
    }
    this.named(top.settings, 'settings', (one, where, key) => this.setting(one, where, key));
    this.named(top.otherSettings, 'otherSettings', (one, where) => {
      if (!['string', 'number', 'undefined'].includes(typeof one)) this.problem(where, 'it must be text or a number.');
    });
    this.named(top.mimetypes, 'mimetypes', (one, where) => {
      if (typeof one !== 'string') this.problem(where, 'it must be text, such as text/html.');
    });
  }

  private object(value: unknown, shape: Shape, where: string): Fields | undefined {
    const at = where === '' ? 'the definition' : where;
    if (!isFields(value)) {
      this.problem(at, 'it must be an object.');
      return undefined;
    }
    const dot = where === '' ? '' : `${where}.`;
    for (const [key, one] of Object.entries(value)) {
      const kind = Object.hasOwn(shape, key) ? shape[key] : undefined;
      if (kind === undefined) this.problem(`${dot}${key}`, `there is no such field.${didYouMean(key, Object.keys(shape))}`);
      else if (one !== undefined) this.kind(one, kind, `${dot}${key}`);
    }
    for (const key of REQUIRED.get(shape) ?? []) if (value[key] === undefined) this.problem(`${dot}${key}`, 'it is missing.');
    return value;
  }

  private kind(value: unknown, kind: Kind, where: string): void {
    if (kind === 'text' && typeof value !== 'string') this.problem(where, 'it must be text.');
    if (kind === 'text' && typeof value === 'string' && value.includes('\0')) this.problem(where, 'it has a NUL.');
    if (kind === 'number' && !Number.isSafeInteger(value)) this.problem(where, 'it must be a whole number.');
    if (kind === 'flag' && typeof value !== 'boolean') this.problem(where, 'it must be true or false.');
  }

  private each(value: unknown, where: string, check: (one: unknown, where: string) => void): void {
    if (value === undefined) return;
    if (!Array.isArray(value)) return this.problem(where, 'it must be a list.');
    for (const [index, one] of value.entries()) check(one, `${where}[${index}]`);
  }

  private named(value: unknown, where: string, check: (one: unknown, where: string, key: string) => void): void {
    if (value === undefined) return;
    if (!isFields(value)) return this.problem(where, 'it must be an object.');
    for (const [key, one] of Object.entries(value))
      check(one, /^\w+$/.test(key) ? `${where}.${key}` : `${where}[${JSON.stringify(key)}]`, key);
  }

  private server(value: unknown, where: string): void {
    const server = this.object(value, SERVER, where);
    this.each(server?.hosts, `${where}.hosts`, (one, at) => {
      if (typeof one !== 'string') this.host(one, at);
    });
    for (const kind of ['filters', 'xrequests']) {
      this.each(server?.[kind], `${where}.${kind}`, (one, at) => {
        if (typeof one !== 'string') this.object(one, PLUGIN, at);
      });
    }
  }

  private host(value: unknown, where: string): void {
    const host = this.object(value, HOST, where);
    if (host?.routes !== undefined && typeof host.routes !== 'string') this.routes(host.routes, `${where}.routes`);
  }

  private routes(value: unknown, where: string): void {
    if (!Array.isArray(value)) return this.named(value, where, (one, at) => this.target(one, at));
    for (const [index, pair] of value.entries()) {
      if (!Array.isArray(pair) || pair.length !== 2 || typeof pair[0] !== 'string') {
        this.problem(`${where}[${index}]`, 'it must be a pair of a path and a target.');
      } else this.target(pair[1], `${where}[${index}][1]`);
    }
  }

  private target(value: unknown, where: string): void {
    const target = this.object(value, TARGET, where);
    if (target === undefined) return;
    const kinds = { handler: HANDLER, dir: DIR, proxy: PROXY };
    const given = Object.entries(kinds).filter(([kind]) => target[kind] !== undefined);
    if (given.length !== 1) this.problem(where, 'it must have exactly one of handler, dir and proxy.');
    for (const [kind, shape] of given) if (typeof target[kind] !== 'string') this.object(target[kind], shape, `${where}.${kind}`);
  }

  private setting(value: unknown, where: string, key: string): void {
    if (value === undefined) return;
    const info = Object.hasOwn(SETTINGS, key) ? SETTINGS[key as keyof typeof SETTINGS] : undefined;
    if (info === undefined) {
      this.problem(
        where,
        `Mongrel2 knows no such setting; one of a plug-in goes into otherSettings.${didYouMean(key, Object.keys(SETTINGS))}`,
      );
    } else if (info.kind === 'text') this.kind(value, 'text', where);
    else if (info.kind === 'number') this.kind(value, 'number', where);
    else if (value !== 0 && value !== 1 && typeof value !== 'boolean') this.problem(where, 'it must be true or false.');
  }
}
