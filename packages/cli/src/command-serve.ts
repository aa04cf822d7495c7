import type { ConnectionOptions, ServerOptions } from '@m2/core';
import { showBanner } from './banner.js';
import type { CliLogger } from './cli-logger.js';
import { EXIT } from './exit-codes.js';
import { serveFlags } from './flags.js';
import { serveHelp } from './help.js';
import type { CliIo } from './io.js';
import { loadBackend } from './load-backend.js';
import { type FlagValues, parseFlags } from './parse-flags.js';
import { configText, loadOptionsOf, loggerOf, serveLoaded, serveOptionsOf } from './run-options.js';
import { readServeArguments, type ServeArguments, type ServerTarget } from './serve-arguments.js';
import { configuredUploads, readServeConfig, reportNotes, type ServeConfig, splitServers } from './serve-config.js';
import { supervise } from './supervise.js';
import { openUploadDir } from './upload-dir.js';
import { withErrors } from './with-errors.js';

type ServeValues = FlagValues<typeof serveFlags>;

/** `m2 serve`: runs an app behind Mongrel2 until a signal ends it. Resolves to the exit code. */
export async function runServe(argv: readonly string[], io: CliIo): Promise<number> {
  const parsed = parseFlags(serveFlags, argv, io.env);
  const { values } = parsed;
  if (values.help) {
    io.stdout.write(serveHelp());
    return EXIT.clean;
  }
  const { addresses, names } =
    values.config === undefined ? { addresses: values.server, names: [] } : splitServers(values.server);
  const given = readServeArguments(parsed.positionals, addresses, values.config !== undefined);
  const config = await readServeConfig(values, names, io);
  const target = { app: given.app, servers: [...(config?.servers ?? []), ...given.servers] };
  if (values['print-config']) {
    const servers = target.servers.map(({ sendSpec, recvSpec, inferred }) => ({ sendSpec, recvSpec, inferred }));
    io.stdout.write(configText('serve', serveFlags, parsed, { app: target.app, servers }));
    return EXIT.clean;
  }
  const logger = loggerOf(values, io);
  return withErrors(logger, () => serveApp(target, config, values, logger, io));
}

async function serveApp(
  { app, servers }: ServeArguments,
  config: ServeConfig | undefined,
  values: ServeValues,
  logger: CliLogger,
  io: CliIo,
): Promise<number> {
  const loaded = await loadBackend(values.io, values.transport, io);
  const { loadApp } = await import('@m2/gateway/node');
  const { kind, name, handler } = await loadApp(app, await loadOptionsOf(values, logger, io));
  // What goes well, the parent says.
  const quiet = values['dev-child'] ? { ...logger, info: logger.debug } : logger;
  const options = serveOptionsOf(values, quiet);
  const uploadDir = values['upload-dir'];
  const uploads =
    uploadDir !== undefined
      ? await openUploadDir(uploadDir, io, logger)
      : config && (await configuredUploads(config, io, logger));
  if (config !== undefined) reportNotes(config, quiet);
  const connection: ConnectionOptions = {
    ...config?.common,
    logger: quiet,
    bodyLimit: values['body-limit'],
    ...(uploads !== undefined && { uploads }),
    servers: servers.map((server) => serverOptions(server, values)),
  };
  const startedAt = io.clock.now();
  const server = await serveLoaded(handler, connection, loaded, options);
  const shown = servers.map(({ sendSpec, recvSpec, inferred }) => ({
    sendSpec: `${sendSpec}`,
    recvSpec: `${recvSpec}`,
    inferred,
  }));
  if (!values['dev-child']) {
    const { backend, transport } = loaded;
    showBanner(logger, { app: name, kind, io: backend.name, transport: transport.name, servers: shown, pid: io.pid });
  }
  return supervise({
    server,
    io,
    logger: quiet,
    backend: loaded.backend.name,
    startedAt,
    graceMs: values['graceful-timeout'],
    connectTimeoutMs: values['connect-timeout'],
    inferred: new Set(shown.filter(({ inferred }) => inferred).map(({ recvSpec }) => recvSpec)),
    endWithParent: values['dev-child'],
  });
}

/** A flag goes before what the configuration says. */
function serverOptions(target: ServerTarget, values: ServeValues): ServerOptions {
  const { sendSpec, recvSpec } = target;
  const sendIdent = values['send-ident'] ?? target.sendIdent;
  const recvIdent = values['recv-ident'] ?? target.recvIdent;
  const flowControl = values['flow-control'] === 'auto' ? (target.flowControl ?? 'auto') : values['flow-control'];
  return {
    sendSpec,
    recvSpec,
    flowControl,
    ...(sendIdent === undefined ? {} : { sendIdent }),
    ...(recvIdent === undefined ? {} : { recvIdent }),
  };
}
