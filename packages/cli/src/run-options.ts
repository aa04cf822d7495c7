import {
  type ConnectionOptions,
  type Handler,
  type HandlerSource,
  M2Error,
  type ServeOptions,
  type Server,
  serve,
} from '@m2/core';
import type { LoadAppOptions } from '@m2/gateway/node';
import { type CliLogger, createLogger, wantsColor } from './cli-logger.js';
import type { devFlags, serveFlags } from './flags.js';
import type { CliIo } from './io.js';
import type { LoadedBackend } from './load-backend.js';
import { loadMiddleware } from './load-middleware.js';
import type { FlagTable, FlagValues, ParsedFlags } from './parse-flags.js';

/** The settings that all commands which serve an app have. */
export type CommonValues = Pick<FlagValues<typeof serveFlags>, keyof typeof devFlags & keyof typeof serveFlags>;

/** The logger that the settings ask for; it writes to stderr. */
export function loggerOf(values: CommonValues, io: CliIo): CliLogger {
  const format = values['log-format'];
  return createLogger({
    sink: io.stderr,
    format: format === 'auto' ? (io.stderr.isTTY === true ? 'text' : 'json') : format,
    level: values['log-level'],
    color: wantsColor(io.stderr, io.env),
    clock: io.clock,
    pid: io.pid,
  });
}

/**
 * How the app is loaded, from the settings.
 * @throws M2Error `M2_OPTION_INVALID` for middleware that cannot be loaded.
 */
export async function loadOptionsOf(values: CommonValues, logger: CliLogger, io: CliIo): Promise<LoadAppOptions> {
  return {
    cwd: io.cwd,
    logger,
    rootPath: values['root-path'],
    limits: { uriBytes: values['uri-limit'], headerBytes: values['header-limit'], headerCount: values['header-count'] },
    maxPayload: values['ws-max-payload'],
    trustProxy: values['trust-proxy'],
    middleware: await loadMiddleware(values.middleware, io),
    ...(values.factory && { factory: true }),
  };
}

/** How requests are taken, from the settings. */
export function serveOptionsOf(values: CommonValues, logger: CliLogger): ServeOptions {
  return {
    logger,
    maxInFlight: values['max-inflight'],
    maxQueueBytes: values['max-queue-bytes'],
    graceMs: values['graceful-timeout'],
    requestTimeoutMs: values['request-timeout'],
  };
}

/**
 * Serves a handler with a backend that was loaded.
 * @throws M2Error `M2_OPTION_INVALID` when the backend only takes modules.
 */
export async function serveLoaded(
  handler: Handler,
  connection: ConnectionOptions,
  { backend }: LoadedBackend,
  options: ServeOptions,
): Promise<Server> {
  if (!backend.capabilities.inProcess) {
    throw new M2Error(
      'M2_OPTION_INVALID',
      `--io: the backend ${backend.name} runs handlers elsewhere (capabilities.inProcess is false), and this command loads the app in its own process.`,
    );
  }
  const source: HandlerSource = { handler };
  return serve(source, connection, { ...options, backend });
}

/** What `--print-config` shows: each setting's value and where it comes from. Times are in milliseconds. */
export function configText(command: string, table: FlagTable, parsed: ParsedFlags<FlagTable>, more: object): string {
  const settings: Record<string, unknown> = {};
  for (const [name, flag] of Object.entries(table)) {
    if (flag.action === true || flag.internal === true) continue;
    settings[name] = { value: parsed.values[name] ?? null, source: parsed.sources[name] };
  }
  return `${JSON.stringify({ command, ...more, settings }, undefined, 2)}\n`;
}
