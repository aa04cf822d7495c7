import type { ConfigChange, ConfigModel, ConfigNote, RouteRow, ServerRow } from '@m2/config';
import { paint } from './cli-logger.js';
import { printable, textTable } from './text-table.js';

/** What a configuration says, for people. */
export function configText(model: ConfigModel): string {
  const parts = model.servers.map((server) => serverText(model, server));
  if (model.settings.length > 0) {
    const rows = model.settings.map(({ key, value }) => [`  ${key}`, value]);
    parts.push(textTable(['settings', ''], rows));
  }
  const [last] = model.log;
  parts.push(`${model.mimetypes.length} mimetypes\n`);
  if (last !== undefined) {
    parts.push(
      printable(`last written ${last.happenedAt} UTC by ${last.who}: ${last.what} of ${last.how} on ${last.location}`).concat(
        '\n',
      ),
    );
  }
  return parts.join('\n');
}

function serverText(model: ConfigModel, server: ServerRow): string {
  const { name, uuid, bindAddr, port, chroot, defaultHost, controlPort, useSsl } = server;
  const facts = [
    `uuid ${uuid}`,
    `${useSsl ? 'https' : 'http'} on ${bindAddr}:${port}`,
    `chroot ${chroot}`,
    `default host ${defaultHost}`,
    ...(controlPort === '' ? [] : [`control port ${controlPort}`]),
  ];
  const hosts = model.hosts.filter(({ serverId }) => serverId === server.id);
  const rows = hosts.flatMap((host) => {
    const routes = model.routes.filter(({ hostId }) => hostId === host.id);
    const label = host.matching === host.name ? host.name : `${host.name} (${host.matching})`;
    return routes.map((route) => [`  ${label}`, route.path, ...targetCells(model, route)]);
  });
  const plugins = [...model.filters, ...model.xrequests].filter(({ serverId }) => serverId === server.id);
  const loaded = plugins.map((plugin) => `  plug-in ${printable(plugin.name)} ${printable(plugin.settings)}\n`).join('');
  return `${printable(`server ${name === '' ? uuid : name}: ${facts.join(', ')}`)}\n${textTable(['  host', 'route', 'leads to', ''], rows)}${loaded}`;
}

function targetCells(model: ConfigModel, { targetType, targetId }: RouteRow): [string, string] {
  if (targetType === 'handler') {
    const handler = model.handlers.find(({ id }) => id === targetId);
    if (handler !== undefined) {
      const { sendIdent, sendSpec, recvSpec, protocol } = handler;
      return [`handler ${sendIdent} (id ${targetId})`, `${sendSpec} ${recvSpec} ${protocol}`];
    }
  }
  if (targetType === 'dir') {
    const dir = model.dirs.find(({ id }) => id === targetId);
    if (dir !== undefined) return [`dir ${dir.base}`, `${dir.indexFile} ${dir.defaultCtype}`];
  }
  const proxy = model.proxies.find(({ id }) => targetType === 'proxy' && id === targetId);
  return proxy === undefined
    ? [`${targetType} ${targetId}, which does not exist`, '']
    : [`proxy ${proxy.addr}:${proxy.port}`, ''];
}

const COLORS: Readonly<Record<ConfigNote['level'], string>> = { error: '31', warning: '33', advice: '36' };

/** Notes, one a line. */
export const notesText = (notes: readonly ConfigNote[], color: boolean): string =>
  notes
    .map(({ level, where, text }) => `${paint(color, COLORS[level], level.padEnd(7))} ${printable(`${where}: ${text}`)}\n`)
    .join('');

const MARKS: Readonly<Record<ConfigChange['kind'], readonly [string, string]>> = {
  added: ['+', '32'],
  removed: ['-', '31'],
  changed: ['~', '33'],
};

/** Changes, one a line, what was and what is below. */
export function changesText(changes: readonly ConfigChange[], color: boolean): string {
  return changes
    .map(({ kind, what, before, after }) => {
      const [mark, sgr] = MARKS[kind];
      const lines = [
        ...(before === undefined || before === '' ? [] : [`    - ${printable(before)}\n`]),
        ...(after === undefined || after === '' ? [] : [`    + ${printable(after)}\n`]),
      ];
      return `${paint(color, sgr, mark)} ${printable(what)}\n${lines.join('')}`;
    })
    .join('');
}
