import { existsSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { isWildcard, readBindAddress } from './bind-address.js';
import type { ServerRow } from './model.js';

/** How Mongrel2's paths and addresses look from here. */
export interface HostView {
  /**
   * The folder that Mongrel2 has as its root, as this host sees it, for instance a mounted volume. Default: the server's chroot; a relative
   * one counts from the database's folder.
   */
  readonly root?: string;
  /**
   * Whether Mongrel2 has changed its root, which it does when it is started as root. Default: not known; a path is looked for below the root first, and then,
   * if only that exists, where it says.
   */
  readonly chrooted?: boolean;
  /** The host at which addresses that Mongrel2 binds on every interface are reached. Default `127.0.0.1`. */
  readonly address?: string;
}

/** The root of a server's paths, as this host sees it. */
export const rootOf = (server: Pick<ServerRow, 'chroot'>, database: string, view: HostView = {}): string =>
  resolve(view.root ?? (isAbsolute(server.chroot) ? server.chroot : join(dirname(resolve(database)), server.chroot)));

/** A path of Mongrel2's, as this host sees it. */
export function pathFrom(root: string, path: string, { chrooted }: HostView = {}): string {
  const below = join(root, path);
  if (!isAbsolute(path) || chrooted === true) return below;
  if (chrooted === false) return path;
  return !existsSync(below) && existsSync(path) ? path : below;
}

/** An address that Mongrel2 binds, as one to connect to. What cannot be read is given back as it is. */
export function addressFrom(root: string, text: string, view: HostView = {}): string {
  const read = readBindAddress(text);
  if (!read.ok) return text;
  const { address } = read;
  // An abstract name belongs to no folder.
  if (address.protocol === 'ipc') return address.path.startsWith('@') ? text : `ipc://${pathFrom(root, address.path, view)}`;
  const fallback = view.address ?? (address.host === '::' ? '::1' : '127.0.0.1');
  const host = isWildcard(address.host) ? fallback : address.host;
  return `tcp://${host.includes(':') ? `[${host}]` : host}:${address.port}`;
}
