import { M2Error } from '@m2/core';
import { controlAddressOf } from './advice.js';
import type { HostView } from './host-paths.js';
import type { ServerRow } from './model.js';
import { nameOf } from './note.js';
import { readConfig } from './read-config.js';

/** Which server's control port, and how its paths look from here. */
export interface ControlAddressOptions extends HostView {
  /** The server's uuid or name. Default: the only one there is. */
  readonly server?: string;
}

/**
 * Where the control port of a configured server is reached from this host; an ipc path counts from the server's chroot.
 * @throws M2Error `M2_CONFIG_SELECTION`, and what reading the configuration throws.
 */
export async function controlAddress(path: string, options: ControlAddressOptions = {}): Promise<string> {
  const model = await readConfig(path);
  const { server, ...view } = options;
  const byUuid = model.servers.filter(({ uuid }) => server === undefined || uuid === server);
  const found = byUuid.length > 0 ? byUuid : model.servers.filter(({ name }) => name === server);
  const [only] = found;
  if (only !== undefined && found.length === 1) return controlAddressOf(model, only, path, view);
  const list = (found.length > 0 ? found : model.servers).map(lineOf).join('\n');
  const what =
    found.length > 0
      ? `${found.length} servers fit`
      : server === undefined
        ? 'There is no server'
        : `There is no server ${server}`;
  throw new M2Error('M2_CONFIG_SELECTION', `${what} in ${path}.${list === '' ? '' : ` There are:\n${list}`}`, {
    details: { path, server: server ?? null },
  });
}

const lineOf = (server: ServerRow): string => `  ${nameOf.server(server)} (${server.uuid}), port ${server.port}`;
