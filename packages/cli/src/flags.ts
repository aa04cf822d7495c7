import type { LogLevel } from '@m2/core';
import { selectionFlags } from './config-flags.js';
import { bytesFlag, choiceFlag, listFlag, numberFlag, secondsFlag, switchFlag, textFlag } from './flag.js';

/** What `--log-level` takes. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const satisfies readonly (LogLevel | 'silent')[];

/** The flags that need no command. */
export const globalFlags = {
  help: switchFlag({ help: 'Show this text, or that of a command, and exit.', short: 'h', action: true }),
  version: switchFlag({ help: 'Show the version and exit.', short: 'v', action: true }),
};

const graceHelp = 'How long open requests may take to finish after the first SIGINT or SIGTERM.';

const common = {
  io: textFlag('async', {
    placeholder: 'NAME|MODULE',
    help: 'The backend: async (one event loop), or a module that exports a Backend or a Transport, or a function that makes one.',
  }),
  transport: textFlag('auto', {
    placeholder: 'NAME|MODULE',
    help: 'The sockets: auto (which is zmtp), zmtp, zeromq, or a module that exports a Transport or a function that makes one.',
  }),
  'root-path': textFlag('', {
    placeholder: 'PATH',
    help: 'Mount the app here: the path that its URLs begin with, such as /api.',
  }),
  factory: switchFlag({
    help: 'The export is a function that makes the app; known by itself when it is called create… or make….',
  }),
  'max-inflight': numberFlag(1000, { from: 1, to: 1_000_000, help: 'Requests open at once; more wait in the queue.' }),
  'max-queue-bytes': bytesFlag(64 * 1024 * 1024, '64MiB', { help: 'Bytes of waiting requests; beyond it the answer is 503.' }),
  'body-limit': bytesFlag(10 * 1024 * 1024, '10MiB', {
    from: 0,
    help: 'The largest request body; beyond it the answer is 413. 0 sets no limit.',
  }),
  'request-timeout': secondsFlag(60_000, { help: 'A request whose answer has not begun by then gets 504; 0 waits for ever.' }),
  'uri-limit': bytesFlag(8 * 1024, '8KiB', {
    help: 'The longest path and query; beyond it the answer is 414.',
  }),
  'header-limit': bytesFlag(16 * 1024, '16KiB', {
    help: "All of a request's headers together; beyond it the answer is 431.",
  }),
  'header-count': numberFlag(100, {
    from: 1,
    to: 1300,
    help: 'Header lines of a request; beyond it the answer is 431.',
  }),
  'ws-max-payload': bytesFlag(1024 * 1024, '1MiB', {
    help: 'The longest WebSocket message; a longer one is closed with 1009. What the app itself sets goes first.',
  }),
  'trust-proxy': listFlag({
    placeholder: 'ADDRESSES',
    commas: true,
    help:
      'Proxies in front of Mongrel2 whose X-Forwarded-For, -Proto and -Host are believed: addresses, ranges such as 10.0.0.0/8, ' +
      'loopback, linklocal, uniquelocal; may be given several times.',
  }),
  middleware: listFlag({
    placeholder: 'NAME|MODULE',
    help: 'What goes around a fetch app: gzip, buffer, or a module; may be given several times, the outermost first.',
  }),
};

const logging = {
  'log-level': choiceFlag(LOG_LEVELS, 'info', { help: 'The least important lines to log.' }),
  'log-format': choiceFlag(['auto', 'text', 'json'], 'auto', { help: 'auto is text on a terminal, otherwise JSON lines.' }),
};

const actions = {
  'print-config': switchFlag({ help: 'Show the settings and where each comes from, as JSON, and exit.', action: true }),
  help: switchFlag({ help: 'Show the flags and exit.', short: 'h', action: true }),
};

/** The flags of `m2 serve`. */
export const serveFlags = {
  ...common,
  ...selectionFlags,
  server: listFlag({
    placeholder: 'SEND[,RECV]',
    help: 'One more Mongrel2 server; may be given several times. With --config also the uuid or name of a configured server.',
  }),
  'flow-control': choiceFlag(['auto', 'on', 'off'], 'auto', { help: "Mongrel2's download.flow_control; auto finds out." }),
  'send-ident': textFlag(undefined, { placeholder: 'UUID', help: "The handler's send_ident, to report requests of another." }),
  'recv-ident': textFlag(undefined, { placeholder: 'TEXT', help: "The handler's recv_ident, to report another subscription." }),
  'upload-dir': textFlag(undefined, {
    placeholder: 'DIR',
    help: "The folder of Mongrel2's upload.temp_store as this host sees it; without it stored uploads get 413.",
  }),
  'connect-timeout': secondsFlag(undefined, {
    help: 'Exit with 5 when no subscription was seen by then; without it, wait for ever.',
  }),
  'graceful-timeout': secondsFlag(30_000, { help: graceHelp }),
  ...logging,
  ...actions,
  // `m2 dev --watch` starts its app with it: no banner, and the process ends when its parent is gone.
  'dev-child': switchFlag({ help: 'Started by m2 dev --watch.', internal: true }),
};

/** The flags of `m2 dev`. */
export const devFlags = {
  port: numberFlag(8080, { placeholder: 'PORT', from: 0, to: 65_535, help: 'The port to listen on; 0 takes a free one.' }),
  host: textFlag('127.0.0.1', { placeholder: 'HOST', help: 'The address to listen on.' }),
  watch: switchFlag({ help: 'Restart the app when a source file in its folder changes.' }),
  ...common,
  'graceful-timeout': secondsFlag(5000, { help: graceHelp }),
  ...logging,
  ...actions,
};
