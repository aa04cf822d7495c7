import { M2Error, type PeerTransport } from '@m2/core';
import type { Front } from '@m2/front';
import type { RequestGate } from './app-process.js';
import { showBanner } from './banner.js';
import type { CliLogger } from './cli-logger.js';
import { readDevArguments } from './dev-arguments.js';
import { watchApp } from './dev-watch.js';
import { EXIT } from './exit-codes.js';
import { devFlags } from './flags.js';
import { devHelp } from './help.js';
import { HoldingTransport } from './holding-transport.js';
import { type CliIo, ignoreSignals } from './io.js';
import { loadBackend } from './load-backend.js';
import { type FlagValues, parseFlags } from './parse-flags.js';
import { configText, loadOptionsOf, loggerOf, serveLoaded, serveOptionsOf } from './run-options.js';
import { supervise } from './supervise.js';
import { withErrors } from './with-errors.js';

type DevValues = FlagValues<typeof devFlags>;

/** Where the front is, and what an app connects to. */
export interface FrontAddress {
  readonly url: string;
  readonly sendSpec: string;
  readonly recvSpec: string;
  /** Holds requests back at the front. */
  readonly gate: RequestGate;
}

/** `m2 dev`: an embedded front and an app, until a signal ends them. Resolves to the exit code. */
export async function runDev(argv: readonly string[], io: CliIo): Promise<number> {
  const parsed = parseFlags(devFlags, argv, io.env);
  const { values } = parsed;
  if (values.help) {
    io.stdout.write(devHelp());
    return EXIT.clean;
  }
  const app = readDevArguments(parsed.positionals);
  if (values['print-config']) {
    io.stdout.write(configText('dev', devFlags, parsed, { app }));
    return EXIT.clean;
  }
  const logger = loggerOf(values, io);
  return withErrors(logger, () => dev(app, values, logger, io));
}

async function dev(app: string, values: DevValues, logger: CliLogger, io: CliIo): Promise<number> {
  const { zeromqTransport } = await import('@m2/transport-zeromq');
  const gate = new HoldingTransport(zeromqTransport());
  const front = await openFront(values, gate, logger);
  try {
    const [handler] = front.handlers;
    if (handler === undefined) throw new Error('The front has no handler.');
    const address = { url: front.url, sendSpec: handler.sendSpec, recvSpec: handler.recvSpec, gate };
    return await (values.watch ? watchApp : serveHere)(app, address, values, logger, io);
  } finally {
    const restore = ignoreSignals(io.events);
    await front.close();
    restore();
  }
}

/** What docs and examples set in Mongrel2's configuration: bodies of any length both ways. */
const SETTINGS = { 'upload.stream': 1, 'download.flow_control': 1 } as const;

/** The front's own start-up line would say what the banner says. */
async function openFront({ host, port }: DevValues, transport: PeerTransport, logger: CliLogger): Promise<Front> {
  const { startFront } = await import('@m2/front');
  try {
    return await startFront({ host, port, transport, settings: SETTINGS, logger: { ...logger, info: logger.debug } });
  } catch (error) {
    const code: unknown = M2Error.is(error) ? (error.cause as { code?: unknown } | undefined)?.code : undefined;
    const why = {
      EADDRINUSE: 'another process has it',
      EACCES: 'this user may not',
      EADDRNOTAVAIL: 'this machine has no such address',
    };
    if (typeof code !== 'string' || !(code in why)) throw error;
    const text = why[code as keyof typeof why];
    throw new M2Error(
      'M2_ADDRESS_INVALID',
      `The embedded front cannot listen on port ${port} of ${host}: ${text} (${code}). Choose another with --port=PORT, --port=0 ` +
        'for any free one, or another --host.',
      { details: { host, port, code } },
    );
  }
}

async function serveHere(app: string, address: FrontAddress, values: DevValues, logger: CliLogger, io: CliIo): Promise<number> {
  const { url, sendSpec, recvSpec } = address;
  const loaded = await loadBackend(values.io, values.transport, io);
  const { loadApp } = await import('@m2/gateway/node');
  const { kind, name, handler } = await loadApp(app, await loadOptionsOf(values, logger, io));
  const options = serveOptionsOf(values, logger);
  const startedAt = io.clock.now();
  const server = await serveLoaded(handler, { logger, sendSpec, recvSpec, bodyLimit: values['body-limit'] }, loaded, options);
  const servers = [{ sendSpec, recvSpec, inferred: false }];
  const { backend, transport } = loaded;
  showBanner(logger, { app: name, kind, io: backend.name, transport: transport.name, servers, pid: io.pid, url });
  return supervise({
    server,
    io,
    logger,
    backend: backend.name,
    startedAt,
    graceMs: values['graceful-timeout'],
    inferred: new Set(),
  });
}
