/** A row of Mongrel2's `server` table. */
export interface ServerRow {
  readonly id: number;
  readonly uuid: string;
  /** Path of the access log, as Mongrel2 sees it: below the chroot. */
  readonly accessLog: string;
  /** Path of the error log, as Mongrel2 sees it. */
  readonly errorLog: string;
  /** The folder that Mongrel2 changes its root to when it is started as root. */
  readonly chroot: string;
  readonly pidFile: string;
  /** Where the control port of this server is; empty: the setting `control_port`, or `ipc://run/control`. */
  readonly controlPort: string;
  /** Name of the host that takes requests of hosts which none matches. */
  readonly defaultHost: string;
  /** A name for people and for `m2sh -name`. */
  readonly name: string;
  readonly bindAddr: string;
  readonly port: number;
  readonly useSsl: boolean;
  /** Mongrel2 1.13: which lines the error log takes; undefined where the table has no such column (1.12). */
  readonly errorLogLevel: number | undefined;
}

/** A row of the `host` table. */
export interface HostRow {
  readonly id: number;
  readonly serverId: number;
  readonly name: string;
  /** What the Host header is matched with, from its end. */
  readonly matching: string;
  /** In the table, but Mongrel2 does not read it. */
  readonly maintenance: boolean;
}

/** What a route leads to. */
export type TargetType = 'handler' | 'dir' | 'proxy';

/** A row of the `route` table. */
export interface RouteRow {
  readonly id: number;
  readonly hostId: number;
  readonly path: string;
  /** In the table, but Mongrel2 does not read it. */
  readonly reversed: boolean;
  readonly targetType: TargetType;
  /** The id in the table of its target's type. */
  readonly targetId: number;
}

/** A row of the `handler` table. */
export interface HandlerRow {
  readonly id: number;
  readonly sendSpec: string;
  readonly sendIdent: string;
  readonly recvSpec: string;
  readonly recvIdent: string;
  /** Replies to JSON and XML sockets go out as they are, not in base64. */
  readonly rawPayload: boolean;
  /** How headers are written: `tnetstring`, and anything else is JSON. */
  readonly protocol: string;
}

/** A row of the `directory` table. */
export interface DirRow {
  readonly id: number;
  readonly base: string;
  readonly indexFile: string;
  readonly defaultCtype: string;
  /** Seconds. */
  readonly cacheTtl: number;
}

/** A row of the `proxy` table. */
export interface ProxyRow {
  readonly id: number;
  readonly addr: string;
  readonly port: number;
}

/** A row of the `filter` or `xrequest` table. */
export interface PluginRow {
  readonly id: number;
  readonly serverId: number;
  /** Path of the shared object. */
  readonly name: string;
  /** A tnetstring dict. */
  readonly settings: string;
}

/** A row of the `mimetype` table. */
export interface MimetypeRow {
  readonly extension: string;
  readonly mimetype: string;
}

/** A row of the `setting` table. */
export interface SettingRow {
  readonly key: string;
  readonly value: string;
}

/** A row of the `log` table, which m2sh and m2 write and Mongrel2 does not read. */
export interface LogRow {
  readonly who: string;
  readonly what: string;
  readonly location: string;
  readonly happenedAt: string;
  readonly how: string;
  readonly why: string;
}

/** All that a configuration database says, in the order of its rows. */
export interface ConfigModel {
  readonly servers: readonly ServerRow[];
  readonly hosts: readonly HostRow[];
  readonly routes: readonly RouteRow[];
  readonly handlers: readonly HandlerRow[];
  readonly dirs: readonly DirRow[];
  readonly proxies: readonly ProxyRow[];
  readonly filters: readonly PluginRow[];
  readonly xrequests: readonly PluginRow[];
  readonly settings: readonly SettingRow[];
  readonly mimetypes: readonly MimetypeRow[];
  /** The latest entries, newest first; at most 100. */
  readonly log: readonly LogRow[];
}
