import { posix } from 'node:path';
import { type CommonOptions, defaultWireLimits, MAX_TARGETS, type ServerOptions } from '@m2/core';
import { adviseOn, controlAddressOf } from './advice.js';
import { checkConfig } from './check-config.js';
import { addressFrom, type HostView, pathFrom, rootOf } from './host-paths.js';
import type { ConfigModel } from './model.js';
import type { ConfigNote } from './note.js';
import { readConfig } from './read-config.js';
import { type HandlerSelector, type SelectedHandler, selectHandlers } from './selector.js';
import { SettingValues } from './settings.js';

/** Where Mongrel2 stores large bodies. */
export interface UploadStore {
  /** The folder, as this host sees it. */
  readonly folder: string;
  /** `upload.temp_store` as it is set: what `uploadFolder` of `@m2/gateway/node` takes as its pattern. */
  readonly pattern: string;
  /** Access mode of the files. */
  readonly mode: number;
}

/** What a handler should know of the server in front of it. */
export interface ConfiguredHandler {
  /** The server's uuid. */
  readonly server: string;
  readonly serverName: string;
  /** Where it takes HTTP. */
  readonly bindAddr: string;
  readonly port: number;
  readonly useSsl: boolean;
  /** Its root, as this host sees it. */
  readonly root: string;
  /** Its control port, as this host reaches it. */
  readonly control: string;
  /** Id in the handler table. */
  readonly id: number;
  readonly sendIdent: string;
  readonly recvIdent: string;
  readonly protocol: 'json' | 'tnetstring';
  readonly rawPayload: boolean;
  /** Hosts and routes that lead to it. */
  readonly routes: readonly { readonly host: string; readonly path: string }[];
  /** `upload.stream`: large bodies come in parts. */
  readonly uploadStream: boolean;
  /** Where large bodies are stored; undefined when they are not. */
  readonly uploads: UploadStore | undefined;
  /** `download.flow_control`. */
  readonly flowControl: boolean;
  /** `limits.content_length`: the largest body that comes in one message, in bytes. */
  readonly contentLength: number;
  /** `limits.buffer_size`: the longest request head, in bytes. */
  readonly bufferSize: number;
  /** `limits.handler_targets`. */
  readonly handlerTargets: number;
  /** `limits.min_ping`: seconds after which a connection that nobody keeps alive is cut; 0: never. */
  readonly minPing: number;
}

/** What `new Connection()` and `serve()` take, and what else the configuration says. */
export interface ConfiguredConnection extends CommonOptions {
  readonly servers: readonly ServerOptions[];
  /** What each server's configuration says, in the order of `servers`. */
  readonly handlers: readonly ConfiguredHandler[];
  /** What is wrong with the configuration, hurts, or could serve m2 better. */
  readonly notes: readonly ConfigNote[];
}

/** Options of {@link fromConfig}. */
export type FromConfigOptions = HostView;

/**
 * Connection options for handlers of Mongrel2's configuration database: addresses, idents, flow control and limits, as Mongrel2 will use them.
 * Several selectors, or one with `all`, give several servers. The database is never written.
 * @throws M2Error `M2_CONFIG_UNREADABLE`, `M2_CONFIG_BUSY`, `M2_CONFIG_INVALID`, `M2_CONFIG_SELECTION`.
 */
export async function fromConfig(
  path: string,
  selector: HandlerSelector | readonly HandlerSelector[] = {},
  options: FromConfigOptions = {},
): Promise<ConfiguredConnection> {
  return connectionFrom(await readConfig(path), path, selector, options);
}

/** Like {@link fromConfig}, from a configuration that was read; `path` is where it lies. */
export function connectionFrom(
  model: ConfigModel,
  path: string,
  selector: HandlerSelector | readonly HandlerSelector[] = {},
  options: FromConfigOptions = {},
): ConfiguredConnection {
  const selectors = Array.isArray(selector) ? (selector as readonly HandlerSelector[]) : [selector as HandlerSelector];
  const selected = distinct(selectors.flatMap((one) => selectHandlers(model, one)));
  const settings = new SettingValues(model.settings);
  const handlers = selected.map((one) => factsOf(model, one, path, settings, options));
  const flowControl = settings.isOn('download.flow_control') ? 'on' : 'off';
  const servers = selected.map(({ server, handler }) => {
    const root = rootOf(server, path, options);
    return {
      sendSpec: addressFrom(root, handler.sendSpec, options),
      recvSpec: addressFrom(root, handler.recvSpec, options),
      sendIdent: handler.sendIdent,
      recvIdent: handler.recvIdent,
      flowControl,
    } as const;
  });
  return {
    ...limitsFrom(settings),
    servers,
    handlers,
    notes: [...relevant(checkConfig(model), model, selected), ...adviseOn(model, selected, path, options)],
  };
}

function distinct(selected: readonly SelectedHandler[]): SelectedHandler[] {
  return selected.filter(
    (one, index) => selected.findIndex(({ server, handler }) => server === one.server && handler === one.handler) === index,
  );
}

/** Notes about other handlers and servers are not of interest here. */
function relevant(notes: readonly ConfigNote[], model: ConfigModel, selected: readonly SelectedHandler[]): ConfigNote[] {
  if (model.handlers.length <= selected.length) return [...notes];
  const idents = selected.map(({ handler }) => handler.sendIdent);
  const servers = selected.map(({ server }) => (server.name === '' ? server.uuid : server.name));
  return notes.filter(({ where }) => {
    if (where.startsWith('handler ')) return idents.some((ident) => where === `handler ${ident}`);
    if (where.startsWith('server '))
      return servers.some((name) => where === `server ${name}` || where.startsWith(`server ${name},`));
    return where.startsWith('setting ');
  });
}

function factsOf(
  model: ConfigModel,
  { server, handler, routes }: SelectedHandler,
  path: string,
  settings: SettingValues,
  view: HostView,
): ConfiguredHandler {
  const root = rootOf(server, path, view);
  return {
    server: server.uuid,
    serverName: server.name,
    bindAddr: server.bindAddr,
    port: server.port,
    useSsl: server.useSsl,
    root,
    control: controlAddressOf(model, server, path, view),
    id: handler.id,
    sendIdent: handler.sendIdent,
    recvIdent: handler.recvIdent,
    protocol: handler.protocol === 'tnetstring' ? 'tnetstring' : 'json',
    rawPayload: handler.rawPayload,
    routes: routes.map(({ host, route }) => ({ host: host.name, path: route.path })),
    uploadStream: settings.isOn('upload.stream'),
    uploads: uploadsFrom(root, settings, view),
    flowControl: settings.isOn('download.flow_control'),
    contentLength: settings.number('limits.content_length'),
    bufferSize: settings.number('limits.buffer_size'),
    handlerTargets: settings.number('limits.handler_targets'),
    minPing: settings.number('limits.min_ping'),
  };
}

function uploadsFrom(root: string, settings: SettingValues, view: HostView): UploadStore | undefined {
  const pattern = settings.text('upload.temp_store');
  if (pattern === undefined) return undefined;
  const mode = settings.text('upload.temp_store_mode') ?? '';
  return {
    folder: pathFrom(root, posix.dirname(pattern), view),
    pattern,
    // As strtoul reads it: a leading 0 makes it octal.
    mode: Number.parseInt(mode, /^0\d/.test(mode) ? 8 : 10) || 0,
  };
}

/** Limits that have to follow Mongrel2's, where those are not the usual ones. */
function limitsFrom(settings: SettingValues): CommonOptions {
  const { headerBytes, headerCount, messageBytes } = defaultWireLimits;
  const head = settings.number('limits.buffer_size') * 2;
  const count = settings.number('limits.header_count') + 20;
  const body = settings.number('limits.content_length') + head;
  const targets = settings.number('limits.handler_targets');
  const ping = settings.number('limits.min_ping');
  const limits = {
    ...(head > headerBytes ? { headerBytes: head } : {}),
    ...(count > headerCount ? { headerCount: count } : {}),
    ...(body > messageBytes ? { messageBytes: body } : {}),
  };
  return {
    ...(Object.keys(limits).length > 0 ? { limits } : {}),
    ...(targets >= 1 && targets < MAX_TARGETS ? { maxTargets: targets } : {}),
    // Three in the time that may pass without one, as with the defaults.
    ...(ping > 0 && ping < 120 ? { keepAliveMs: Math.max(1000, Math.floor((ping * 1000) / 3)) } : {}),
  };
}
