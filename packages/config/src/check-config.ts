import { decodeTnetstring } from '@m2/core';
import { readBindAddress } from './bind-address.js';
import { checkHandlers } from './check-handlers.js';
import { checkHosts } from './check-hosts.js';
import { checkSettings } from './check-settings.js';
import type { ConfigModel, ServerRow } from './model.js';
import { type ConfigNote, Notes, nameOf } from './note.js';
import { SettingValues } from './settings.js';

/**
 * What is wrong with a configuration, or hurts: what Mongrel2 would refuse at its start as well as what it takes and then does something
 * else than was meant. Advice for m2 is `adviseOn`'s.
 */
export function checkConfig(model: ConfigModel): ConfigNote[] {
  const notes = new Notes();
  checkServers(model, notes);
  checkHosts(model, notes);
  checkHandlers(model, notes);
  checkFiles(model, notes);
  checkSettings(model, notes);
  return notes.list;
}

const isPort = (port: number): boolean => Number.isInteger(port) && port >= 1 && port <= 65_535;

function checkServers(model: ConfigModel, notes: Notes): void {
  const { servers } = model;
  if (servers.length === 0) notes.error('no-servers', 'servers', 'there is none, so there is nothing to start.');
  const settings = new SettingValues(model.settings);
  for (const [index, server] of servers.entries()) {
    const where = nameOf.server(server);
    if (!/^[\w.-]{1,255}$/.test(server.uuid)) {
      notes.error(
        'bad-uuid',
        where,
        `its uuid is ${JSON.stringify(server.uuid)}; it must be letters, digits, "-", "_" and ".": files are named after it.`,
      );
    }
    const twin = servers.slice(0, index).find(({ uuid }) => uuid === server.uuid);
    if (twin !== undefined)
      notes.error('same-uuid', where, 'another server has the same uuid, and Mongrel2 would start the first.');
    if (!isPort(server.port)) notes.error('bad-port', where, `its port is ${server.port}; it must be from 1 to 65535.`);
    for (const other of servers.slice(0, index)) {
      if (other.port === server.port && sameInterface(other, server)) {
        notes.warn(
          'same-port',
          where,
          `it has the port of ${nameOf.server(other)}, ${server.port}: only one of them can run at a time.`,
        );
      }
    }
    if (server.useSsl && !settings.has('certdir')) {
      notes.error(
        'no-certdir',
        where,
        'it has TLS on, but the setting certdir is missing: Mongrel2 does not start without certificates.',
      );
    }
    checkPaths(server, notes, where);
    checkControlPort(server, settings, notes, where);
  }
  const levels = servers.filter(({ errorLogLevel }) => errorLogLevel !== undefined);
  if (levels.length > 0 && levels.length < servers.length) {
    notes.error(
      'some-log-levels',
      'servers',
      'some have an errorLogLevel and some have none: Mongrel2 1.13 wants it for all, 1.12 for none.',
    );
  }
}

const isAny = (address: string): boolean => address === '0.0.0.0' || address === '::' || address === '';
const sameInterface = (a: ServerRow, b: ServerRow): boolean =>
  a.bindAddr === b.bindAddr || isAny(a.bindAddr) || isAny(b.bindAddr);

function checkPaths({ accessLog, errorLog, pidFile, chroot }: ServerRow, notes: Notes, where: string): void {
  const paths = { access_log: accessLog, error_log: errorLog, pid_file: pidFile, chroot };
  for (const [name, path] of Object.entries(paths)) {
    if (path === '') notes.error('empty-path', where, `its ${name} is empty.`);
  }
}

function checkControlPort(server: ServerRow, settings: SettingValues, notes: Notes, where: string): void {
  const text = server.controlPort === '' ? (settings.text('control_port') ?? '') : server.controlPort;
  const read = readBindAddress(text);
  if (!read.ok) {
    notes.error('bad-control-port', where, `its control port is ${JSON.stringify(text)}: ${read.why}.`);
  } else if (read.address.protocol === 'tcp' && read.address.port === server.port) {
    notes.error('control-port-clash', where, `its control port is on port ${server.port}, where it listens for HTTP.`);
  }
}

/** Directories, proxies, plug-ins and file types. */
function checkFiles(model: ConfigModel, notes: Notes): void {
  for (const dir of model.dirs) {
    if (!dir.base.endsWith('/'))
      notes.error('dir-without-slash', nameOf.dir(dir), 'its base has to end with "/", or Mongrel2 refuses it.');
    if (dir.base.startsWith('/')) {
      notes.warn(
        'dir-from-root',
        nameOf.dir(dir),
        'its base begins with "/": that is another folder when Mongrel2 has not changed its root, and m2sh refuses it.',
      );
    }
    if (dir.cacheTtl < 0 || !Number.isInteger(dir.cacheTtl))
      notes.error('bad-cache-ttl', nameOf.dir(dir), 'its cache_ttl has to be a whole number of seconds from 0.');
  }
  for (const proxy of model.proxies) {
    if (proxy.addr === '') notes.error('no-proxy-address', nameOf.proxy(proxy), 'its address is empty.');
    if (!isPort(proxy.port)) notes.error('bad-port', nameOf.proxy(proxy), 'its port must be from 1 to 65535.');
  }
  for (const kind of ['filters', 'xrequests'] as const) {
    for (const { name, settings } of model[kind]) {
      const where = `${kind === 'filters' ? 'filter' : 'xrequest'} ${name}`;
      if (name === '') notes.error('no-plugin-name', where, 'the path of its shared object is empty.');
      if (!(decodeTnetstring(Buffer.from(settings, 'utf8')) instanceof Map)) {
        notes.error(
          'bad-plugin-settings',
          where,
          'its settings are no tnetstring dict, so Mongrel2 does not start; an empty one is 0:}.',
        );
      }
    }
  }
  checkMimetypes(model, notes);
}

function checkMimetypes({ mimetypes, settings, dirs }: ConfigModel, notes: Notes): void {
  const longest = new SettingValues(settings).number('limits.mime_ext_len');
  const seen = new Set<string>();
  for (const { extension, mimetype } of mimetypes) {
    const where = `mimetype ${extension}`;
    if (!extension.startsWith('.'))
      notes.error('bad-extension', where, 'an extension begins with ".", or Mongrel2 does not start.');
    if (Buffer.byteLength(extension) >= longest)
      notes.error('bad-extension', where, `it has to be shorter than limits.mime_ext_len, ${longest}.`);
    if (mimetype === '') notes.error('bad-mimetype', where, 'its type is empty, so Mongrel2 does not start.');
    if (seen.has(extension)) notes.error('same-extension', where, 'it is there twice, so Mongrel2 does not start.');
    seen.add(extension);
  }
  if (dirs.length > 0 && !seen.has('.html')) {
    notes.warn(
      'no-html-type',
      'mimetypes',
      'there is none for .html, so pages get the default_ctype of their directory. m2sh 1.12 takes the type of an extension away when its configuration sets it.',
    );
  }
}
