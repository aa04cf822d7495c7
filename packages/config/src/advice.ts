import { statSync } from 'node:fs';
import { isLoopback, readBindAddress } from './bind-address.js';
import { addressFrom, type HostView, pathFrom, rootOf } from './host-paths.js';
import type { ConfigModel, HandlerRow, ServerRow } from './model.js';
import { type ConfigNote, Notes, nameOf } from './note.js';
import type { SelectedHandler } from './selector.js';
import { SettingValues } from './settings.js';

/** The longest time between two keep-alives of m2, in seconds. */
const KEEP_ALIVE_S = 40;

/** What about handlers, and the servers they belong to, could serve m2 better, each with its reason (protocol 15). */
export function adviseOn(
  model: ConfigModel,
  selected: readonly SelectedHandler[],
  database: string,
  view: HostView = {},
): ConfigNote[] {
  const notes = new Notes();
  const settings = new SettingValues(model.settings);
  for (const { handler } of selected) adviseHandler(handler, notes);
  for (const server of new Set(selected.map((one) => one.server))) adviseServer(server, settings, database, view, notes);
  adviseBodies(settings, notes);
  adviseAnswers(settings, notes);
  adviseRequests(settings, notes);
  return notes.list;
}

function adviseHandler(handler: HandlerRow, notes: Notes): void {
  const where = nameOf.handler(handler);
  if (handler.protocol !== 'tnetstring') {
    notes.advise(
      'json-protocol',
      where,
      "its protocol is json: a client can send header values that make the JSON invalid. Set protocol='tnetstring'.",
    );
  }
  if (handler.recvIdent !== '' && handler.recvIdent !== `${handler.sendIdent} `) {
    notes.advise(
      'loose-recv-ident',
      where,
      `its recv_ident ${JSON.stringify(handler.recvIdent)} also lets replies of handlers pass whose send_ident begins so. Set it to "${handler.sendIdent} ", with a blank at the end.`,
    );
  }
  for (const spec of [handler.sendSpec, handler.recvSpec]) {
    const read = readBindAddress(spec);
    if (read.ok && read.address.protocol === 'tcp' && !isLoopback(read.address.host)) {
      notes.warn(
        'open-handler-port',
        where,
        `${spec} is open to other machines, and ZeroMQ asks for no password: whoever reaches it can read requests and write answers. Bind it to 127.0.0.1, or close the port to others.`,
      );
    }
  }
}

function adviseServer(server: ServerRow, settings: SettingValues, database: string, view: HostView, notes: Notes): void {
  const where = nameOf.server(server);
  const root = rootOf(server, database, view);
  const control = controlSpecOf(server, settings);
  const read = readBindAddress(control);
  if (read.ok && read.address.protocol === 'tcp' && !isLoopback(read.address.host)) {
    notes.warn(
      'open-control-port',
      where,
      `its control port ${control} is open to other machines, and asks for no password: whoever reaches it can stop the server. Use ipc.`,
    );
  }
  if (read.ok && read.address.protocol === 'ipc') {
    const path = pathFrom(root, read.address.path, view);
    const mode = statSync(path, { throwIfNoEntry: false })?.mode ?? 0;
    if ((mode & 0o002) !== 0) {
      notes.warn(
        'open-control-socket',
        where,
        `its control socket ${path} may be written by every user of this machine, who can so stop the server. Start Mongrel2 with umask 0007, or close the folder to others.`,
      );
    }
  }
  const store = settings.text('upload.temp_store');
  if (store !== undefined && view.root === undefined && !server.chroot.startsWith('/')) {
    notes.warn(
      'relative-chroot',
      where,
      `uploads are stored in ${store} below the chroot ${JSON.stringify(server.chroot)}, which counts from wherever Mongrel2 is started. It is taken for ${root}; if that is wrong, say where its root is, or write the chroot in full.`,
    );
  }
}

/** Where a server's control port is, as its configuration says. */
export const controlSpecOf = (server: ServerRow, settings: SettingValues): string =>
  server.controlPort === '' ? (settings.text('control_port') ?? '') : server.controlPort;

/** Where a server's control port is reached from here. */
export const controlAddressOf = (model: ConfigModel, server: ServerRow, database: string, view: HostView = {}): string =>
  addressFrom(rootOf(server, database, view), controlSpecOf(server, new SettingValues(model.settings)), view);

function adviseBodies(settings: SettingValues, notes: Notes): void {
  const stream = settings.isOn('upload.stream');
  const store = settings.text('upload.temp_store');
  const length = settings.number('limits.content_length');
  const where = nameOf.setting('upload.stream');
  if (stream) return;
  if (store === undefined) {
    notes.advise(
      'no-large-bodies',
      where,
      `it is off, and upload.temp_store is not set: bodies over ${length} bytes and all chunked ones get 413. Set it to 1.`,
    );
    return;
  }
  notes.advise(
    'chunked-to-disk',
    where,
    `it is off: bodies over ${length} bytes, and chunked ones of any length, are written to ${store} first and read from there. Set it to 1 to get them as they come.`,
  );
}

function adviseAnswers(settings: SettingValues, notes: Notes): void {
  if (!settings.isOn('download.flow_control')) {
    notes.advise(
      'no-flow-control',
      nameOf.setting('download.flow_control'),
      'it is off: more than 16 messages that wait for a client make Mongrel2 drop it, so that m2 has to pace long answers without seeing the client. Set it to 1.',
    );
  }
  const ping = settings.number('limits.min_ping');
  if (ping > 0 && ping <= KEEP_ALIVE_S) {
    notes.warn(
      'short-min-ping',
      nameOf.setting('limits.min_ping'),
      `it is ${ping} s: event streams and WebSockets are cut when no keep-alive comes in that time. m2 sends them more often than its usual ${KEEP_ALIVE_S} s for it.`,
    );
  }
  const rates = ['limits.min_read_rate', 'limits.min_write_rate'] as const;
  const active = rates.filter((name) => settings.number(name) > 0).length;
  if (settings.number('limits.kill_limit') < active) {
    notes.warn(
      'kill-limit',
      nameOf.setting('limits.kill_limit'),
      `it is ${settings.number('limits.kill_limit')}: a connection that is only slow exceeds ${active} limits and is cut, however often it is kept alive. That ends event streams, long polls and idle WebSockets. Set it to 2, or the rates to 0.`,
    );
  }
  const targets = settings.number('limits.handler_targets');
  if (targets < 128)
    notes.advise(
      'few-targets',
      nameOf.setting('limits.handler_targets'),
      `it is ${targets}: a message to many clients is sent in as many more parts.`,
    );
  if (settings.number('zeromq.threads') > 1) {
    notes.warn(
      'zeromq-threads',
      nameOf.setting('zeromq.threads'),
      'it is over 1, which Mongrel2 itself warns of: handlers can lock up.',
    );
  }
}

function adviseRequests(settings: SettingValues, notes: Notes): void {
  const buffer = settings.number('limits.buffer_size');
  if (buffer < 16_384) {
    notes.advise(
      'small-buffer',
      nameOf.setting('limits.buffer_size'),
      `it is ${buffer}: a request head that is longer, as with many cookies, gets 400. Set it to 16384.`,
    );
  }
  const content = settings.number('limits.content_length');
  if (buffer > content) {
    notes.warn(
      'buffer-over-content',
      nameOf.setting('limits.buffer_size'),
      `it is ${buffer}, more than limits.content_length (${content}): Mongrel2 then cuts its buffer short when a body is longer, and reads what lies behind it, so that uploads hang or hold pieces of its memory. Set it to 16384, or limits.content_length to ${buffer}.`,
    );
  }
  const retries = settings.number('limits.client_read_retries');
  if (retries < 20) {
    notes.advise(
      'few-read-retries',
      nameOf.setting('limits.client_read_retries'),
      `it is ${retries}: a request head that comes in ${retries - 1} or more pieces gets 400. Set it to 50.`,
    );
  }
  if (!settings.isOn('request.relaxed')) {
    notes.advise(
      'strict-uris',
      nameOf.setting('request.relaxed'),
      'it is off: URIs with { } or ^ get 400. Set it to 1 if your paths or queries have them.',
    );
  }
  if (!settings.isOn('net.tcp_keepalive')) {
    notes.advise(
      'no-tcp-keepalive',
      nameOf.setting('net.tcp_keepalive'),
      'it is off: clients that vanish without a word are noticed late. Set it to 1.',
    );
  }
}
