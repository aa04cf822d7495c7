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
  const target = readServeArguments(parsed.positionals, values.server);
  if (values['print-config']) {
    const servers = target.servers.map(({ sendSpec, recvSpec, inferred }) => ({ sendSpec, recvSpec, inferred }));
    io.stdout.write(configText('serve', serveFlags, parsed, { app: target.app, servers }));
    return EXIT.clean;
  }
  const logger = loggerOf(values, io);
  return withErrors(logger, () => serveApp(target, values, logger, io));
}

async function serveApp({ app, servers }: ServeArguments, values: ServeValues, logger: CliLogger, io: CliIo): Promise<number> {
  const loaded = await loadBackend(values.io, values.transport, io);
  const { loadApp } = await import('@m2/gateway/node');
  const { kind, name, handler } = await loadApp(app, await loadOptionsOf(values, logger, io));
  // What goes well, the parent says.
  const quiet = values['dev-child'] ? { ...logger, info: logger.debug } : logger;
  const options = serveOptionsOf(values, quiet);
  const uploadDir = values['upload-dir'];
  const connection: ConnectionOptions = {
    logger: quiet,
    bodyLimit: values['body-limit'],
    ...(uploadDir !== undefined && { uploads: await openUploadDir(uploadDir, io, logger) }),
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

function serverOptions({ sendSpec, recvSpec }: ServerTarget, values: ServeValues): ServerOptions {
  const { 'send-ident': sendIdent, 'recv-ident': recvIdent, 'flow-control': flowControl } = values;
  return {
    sendSpec,
    recvSpec,
    flowControl,
    ...(sendIdent === undefined ? {} : { sendIdent }),
    ...(recvIdent === undefined ? {} : { recvIdent }),
  };
}
