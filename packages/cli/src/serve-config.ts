import { resolve } from 'node:path';
import type { ConfiguredConnection, HandlerSelector } from '@m2/config';
import { type CommonOptions, type Logger, M2Error, SocketSpec } from '@m2/core';
import type { UploadFolder } from '@m2/gateway/node';
import type { selectionFlags } from './config-flags.js';
import type { CliIo } from './io.js';
import type { FlagValues } from './parse-flags.js';
import { looksLikeAddress, type ServerTarget } from './serve-arguments.js';
import { openUploadDir } from './upload-dir.js';

type SelectionValues = FlagValues<typeof selectionFlags>;

/** What `--config` gave. */
export interface ServeConfig {
  /** The configuration, as it was named. */
  readonly file: string;
  readonly servers: readonly ServerTarget[];
  /** Limits that follow the configuration's. */
  readonly common: CommonOptions;
  readonly connection: ConfiguredConnection;
}

/** Values of `--server`: addresses of further servers, and with `--config` also the uuid or name of a configured one. */
export function splitServers(values: readonly string[]): { addresses: readonly string[]; names: readonly string[] } {
  const addresses = values.filter((value) => looksLikeAddress(value.split(',', 1)[0] ?? ''));
  return { addresses, names: values.filter((value) => !addresses.includes(value)) };
}

/**
 * Reads `--config` and the flags that choose from it; undefined without it.
 * @throws M2Error `M2_USAGE` for those flags without `--config`, and what `fromConfig` throws.
 */
export async function readServeConfig(
  values: SelectionValues,
  names: readonly string[],
  io: Pick<CliIo, 'cwd'>,
): Promise<ServeConfig | undefined> {
  const { config: file, handler, vhost, route, path, 'all-handlers': all, chroot: root } = values;
  if (file === undefined) {
    const given = Object.entries({ handler, vhost, route, path }).find(([, value]) => value !== undefined)?.[0];
    if (given !== undefined) {
      throw new M2Error(
        'M2_USAGE',
        `--${given} chooses from a configuration, and there is none: add --config=FILE, Mongrel2's database.`,
      );
    }
    return undefined;
  }
  const selector: HandlerSelector = {
    all,
    ...(handler === undefined ? {} : { handler }),
    ...(vhost === undefined ? {} : { host: vhost }),
    ...(route === undefined ? {} : { route }),
    ...(path === undefined ? {} : { path }),
  };
  const { fromConfig } = await import('@m2/config');
  const selectors = names.length === 0 ? [selector] : names.map((server) => ({ ...selector, server }));
  const connection = await fromConfig(
    resolve(io.cwd, file),
    selectors,
    root === undefined ? {} : { root: resolve(io.cwd, root) },
  );
  const { limits, maxTargets, keepAliveMs } = connection;
  return {
    file,
    connection,
    common: {
      ...(limits === undefined ? {} : { limits }),
      ...(maxTargets === undefined ? {} : { maxTargets }),
      ...(keepAliveMs === undefined ? {} : { keepAliveMs }),
    },
    servers: connection.servers.map((server) => ({
      ...server,
      sendSpec: SocketSpec.parse(String(server.sendSpec)),
      recvSpec: SocketSpec.parse(String(server.recvSpec)),
      inferred: false,
    })),
  };
}

/** Says what is wrong with the configuration or hurts; what could only be better is counted. */
export function reportNotes({ file, connection }: ServeConfig, logger: Logger): void {
  const advice = connection.notes.filter(({ level }) => level === 'advice');
  for (const { level, where, text } of connection.notes)
    if (level !== 'advice') logger.warn(`${file}: ${where}: ${text}`, { note: level });
  if (advice.length > 0) {
    logger.info(
      `${file} could serve m2 better in ${advice.length === 1 ? 'one way' : `${advice.length} ways`}: m2 config check ${file} says how.`,
    );
  }
}

/** The folder in which the configuration has Mongrel2 store uploads. One that this host cannot use is reported, and such uploads get 413. */
export async function configuredUploads(
  { file, connection }: ServeConfig,
  io: Pick<CliIo, 'cwd' | 'clock'>,
  logger: Logger,
): Promise<UploadFolder | undefined> {
  const folders = new Set(connection.handlers.flatMap(({ uploads }) => (uploads === undefined ? [] : [uploads.folder])));
  const [folder] = folders;
  if (folder === undefined) return undefined;
  if (folders.size > 1) {
    logger.warn(
      `${file} has servers with upload folders of their own (${[...folders].join(', ')}), and m2 reads one: uploads of ${folder} only.`,
    );
  }
  try {
    return await openUploadDir(folder, io, logger);
  } catch (error) {
    if (!M2Error.is(error) || error.code !== 'M2_UPLOAD_DIR_INVALID') throw error;
    logger.warn(`Stored uploads get 413: ${error.message} Say where the folder is with --upload-dir or --chroot.`, {
      error,
    });
    return undefined;
  }
}
