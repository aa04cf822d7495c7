import type { TnetstringInput } from '@m2/core';
import type { Settings } from './settings.js';

/** A handler: where Mongrel2 sends requests to, and takes replies from. */
export interface HandlerDefinition {
  /** What Mongrel2 sends requests to and m2 receives from, such as `tcp://127.0.0.1:9999` or `ipc://run/send`. */
  readonly sendSpec: string;
  /** What requests begin with, and Mongrel2's identity on the socket: letters, digits and `-` only. */
  readonly sendIdent: string;
  /** Where Mongrel2 takes replies. Default for tcp: one port below `sendSpec`'s. */
  readonly recvSpec?: string;
  /** What replies have to begin with. Default: `sendIdent` and a blank, so that no other handler's replies match. */
  readonly recvIdent?: string;
  /** How request headers are written. Default `tnetstring`: clients can make JSON headers invalid. */
  readonly protocol?: 'json' | 'tnetstring';
  /** Replies to JSON and XML sockets go out as they are, not in base64. Default false. */
  readonly rawPayload?: boolean;
}

/** A folder of files that Mongrel2 serves by itself. */
export interface DirDefinition {
  /** The folder, relative to the chroot, with a slash at its end and none at its beginning. */
  readonly base: string;
  /** The file for a path that ends with a slash. Default `index.html`. */
  readonly indexFile?: string;
  /** The type of files whose extension is not known. Default `text/plain`. */
  readonly defaultCtype?: string;
  /** How long facts of a file are kept, in seconds. Default 0. */
  readonly cacheTtl?: number;
}

/** An HTTP server that requests are passed on to. */
export interface ProxyDefinition {
  /** Its address or name. */
  readonly addr: string;
  /** 1 to 65535. */
  readonly port: number;
}

/** A plug-in of Mongrel2: a filter, or an xrequest. */
export interface PluginDefinition {
  /** Path of the shared object. */
  readonly name: string;
  /** What it is set up with. Default nothing. */
  readonly settings?: { readonly [key: string]: TnetstringInput };
}

/** What a route leads to: one of the three, by the name it has in the definition, or written out. */
export type RouteTarget<H extends string = string, D extends string = string, P extends string = string> = {
  /** In the database, but Mongrel2 does not read it. Default false. */
  readonly reversed?: boolean;
} & ({ readonly handler: H | HandlerDefinition } | { readonly dir: D | DirDefinition } | { readonly proxy: P | ProxyDefinition });

/**
 * Paths and what they lead to. A path is a plain prefix (`/api/`) and may go on with a pattern in parentheses (`/users/([0-9]+)$`); `@name`
 * and `<name` are JSON and XML sockets. As a list of pairs where a path occurs twice.
 */
export type RouteTable<T = RouteTarget> = Readonly<Record<string, T>> | readonly (readonly [path: string, target: T])[];

/** A host of a server. */
export interface HostDefinition<T = RouteTarget, R extends string = string> {
  /** What a server's `defaultHost` refers to. */
  readonly name: string;
  /** What the Host header has to end with; it may begin with a pattern in parentheses. Default: `name`. */
  readonly matching?: string;
  /** In the database, but Mongrel2 does not read it. Default false. */
  readonly maintenance?: boolean;
  /** The routes, or the name that they have in the definition. */
  readonly routes: R | RouteTable<T>;
}

/** A server: one Mongrel2 process with one port. */
export interface ServerDefinition<N = string | HostDefinition, F extends string = string, X extends string = string> {
  /** What Mongrel2 is started with: `mongrel2 config.sqlite <uuid>`. Letters, digits, `-`, `_` and `.`. */
  readonly uuid: string;
  /** For people, and `m2sh -name`. Default: the uuid. */
  readonly name?: string;
  /** 1 to 65535. */
  readonly port: number;
  /** Default `0.0.0.0`: every IPv4 address of the machine. */
  readonly bindAddr?: string;
  /** The folder that Mongrel2, started as root, changes its root to. Default `./`: the folder it is started in. */
  readonly chroot?: string;
  /** Path below the chroot. Default `/logs/access.log`. */
  readonly accessLog?: string;
  /** Path below the chroot. Default `/logs/error.log`. */
  readonly errorLog?: string;
  /** Path below the chroot. Default `/run/mongrel2.pid`. */
  readonly pidFile?: string;
  /** Where this server's control port is. Default: the setting `control_port`. */
  readonly controlPort?: string;
  /** The name of the host that takes what no host matches. Default: the first host's name. */
  readonly defaultHost?: string;
  /** TLS; needs the setting `certdir`. Default false. */
  readonly useSsl?: boolean;
  /** Mongrel2 1.13 only: which lines the error log takes. Set it for all servers or for none. */
  readonly errorLogLevel?: number;
  /** The hosts, or the names that they have in the definition. */
  readonly hosts: readonly N[];
  /** Filters, or the names that they have in the definition. */
  readonly filters?: readonly (F | PluginDefinition)[];
  /** Xrequest plug-ins, or the names that they have in the definition. */
  readonly xrequests?: readonly (X | PluginDefinition)[];
}

/** All that a configuration database says. What is defined once under a name can be used in many places. */
export interface ConfigDefinition<
  H extends string = string,
  D extends string = string,
  P extends string = string,
  R extends string = string,
  N extends string = string,
  F extends string = string,
  X extends string = string,
> {
  readonly servers: readonly ServerDefinition<
    NoInfer<N> | HostDefinition<RouteTarget<NoInfer<H>, NoInfer<D>, NoInfer<P>>, NoInfer<R>>,
    NoInfer<F>,
    NoInfer<X>
  >[];
  readonly hosts?: Readonly<Record<N, HostDefinition<RouteTarget<NoInfer<H>, NoInfer<D>, NoInfer<P>>, NoInfer<R>>>>;
  readonly routes?: Readonly<Record<R, RouteTable<RouteTarget<NoInfer<H>, NoInfer<D>, NoInfer<P>>>>>;
  readonly handlers?: Readonly<Record<H, HandlerDefinition>>;
  readonly dirs?: Readonly<Record<D, DirDefinition>>;
  readonly proxies?: Readonly<Record<P, ProxyDefinition>>;
  readonly filters?: Readonly<Record<F, PluginDefinition>>;
  readonly xrequests?: Readonly<Record<X, PluginDefinition>>;
  readonly settings?: Settings;
  /** Settings that Mongrel2 itself does not know, for plug-ins. */
  readonly otherSettings?: Readonly<Record<string, string | number>>;
  /** File types by extension, such as `'.html': 'text/html'`. They come on top of the standard ones. */
  readonly mimetypes?: Readonly<Record<string, string>>;
  /** Adds the types of common files. Default true. */
  readonly standardMimetypes?: boolean;
}

/** Gives a definition back as it is; names that do not exist are type errors. Nothing is checked beyond types: `m2 config build` does that. */
export function defineConfig<
  const H extends string = never,
  const D extends string = never,
  const P extends string = never,
  const R extends string = never,
  const N extends string = never,
  const F extends string = never,
  const X extends string = never,
>(definition: ConfigDefinition<H, D, P, R, N, F, X>): ConfigDefinition {
  // Names narrow from string to those that exist; the wider type is what the builder checks anyway.
  return definition as unknown as ConfigDefinition;
}
