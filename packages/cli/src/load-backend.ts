import { type Backend, M2Error, type Transport } from '@m2/core';
import type { CliIo } from './io.js';
import { isFilePath, type ModuleSpecifier, parseModuleSpecifier, resolveModule } from './module-specifier.js';
import { didYouMean } from './suggest.js';

/** The modules that have short names. They are loaded and checked exactly like a module that the user names. */
const BACKENDS: Readonly<Record<string, ModuleSpecifier>> = {
  async: { module: '@m2/backend-async', export: 'asyncBackend' },
  threads: { module: '@m2/backend-threads', export: 'threadsBackend' },
};

const TRANSPORTS: Readonly<Record<string, ModuleSpecifier>> = {
  auto: { module: '@m2/transport-zmtp', export: 'zmtpTransport' },
  zmtp: { module: '@m2/transport-zmtp', export: 'zmtpTransport' },
  zeromq: { module: '@m2/transport-zeromq', export: 'zeromqTransport' },
};

/** What `--io` and `--transport` came to. */
export interface LoadedBackend {
  readonly backend: Backend;
  readonly transport: Transport;
}

/** What loading modules needs. */
export type LoadIo = Pick<CliIo, 'cwd' | 'importModule'>;

/** What is missing for a value to be a Backend; empty when nothing is. */
export function missingForBackend(value: unknown): string[] {
  const backend = (value ?? {}) as Partial<Record<keyof Backend, unknown>>;
  const capabilities = (backend.capabilities ?? {}) as Record<string, unknown>;
  return [
    ...(typeof backend.name === 'string' ? [] : ['name (a string)']),
    ...(['inProcess', 'modules', 'reload'] as const)
      .filter((ability) => typeof capabilities[ability] !== 'boolean')
      .map((ability) => `capabilities.${ability} (true or false)`),
    ...(typeof backend.serve === 'function' ? [] : ['serve(source, connection, options) (a function)']),
  ];
}

/** What is missing for a value to be a Transport; empty when nothing is. */
export function missingForTransport(value: unknown): string[] {
  const transport = (value ?? {}) as Partial<Record<keyof Transport, unknown>>;
  const capabilities = (transport.capabilities ?? {}) as Record<string, unknown>;
  return [
    ...(typeof transport.name === 'string' ? [] : ['name (a string)']),
    ...(Array.isArray(capabilities.protocols) ? [] : ['capabilities.protocols (a list of strings)']),
    ...(['detectsDown', 'losslessShutdown'] as const)
      .filter((ability) => typeof capabilities[ability] !== 'boolean')
      .map((ability) => `capabilities.${ability} (true or false)`),
    ...(typeof transport.open === 'function' ? [] : ['open(spec, receiver, signal) (a function)']),
  ];
}

const isBackend = (value: unknown): value is Backend => missingForBackend(value).length === 0;
const isTransport = (value: unknown): value is Transport => missingForTransport(value).length === 0;

/**
 * Loads what `--io` and `--transport` name. An `--io` module that exports a Transport is run by the async backend.
 * @throws M2Error `M2_OPTION_INVALID` when there is no such module, or when it is neither; the message says what is missing.
 */
export async function loadBackend(ioName: string, transportName: string, io: LoadIo): Promise<LoadedBackend> {
  const transport = await loadTransport(transportName, io);
  const made = await make('--io', ioName, BACKENDS, { transport }, io);
  if (isBackend(made)) return { backend: made, transport };
  if (isTransport(made)) return { backend: await loadAsync(made, io), transport: made };
  throw refused('--io', ioName, made, ['a Backend', missingForBackend(made)], ['a Transport', missingForTransport(made)]);
}

/** Loads what `--transport` names. */
export async function loadTransport(name: string, io: LoadIo): Promise<Transport> {
  const made = await make('--transport', name, TRANSPORTS, {}, io);
  if (isTransport(made)) return made;
  throw refused('--transport', name, made, ['a Transport', missingForTransport(made)]);
}

async function loadAsync(transport: Transport, io: LoadIo): Promise<Backend> {
  const made = await make('--io', 'async', BACKENDS, { transport }, io);
  if (isBackend(made)) return made;
  throw refused('--io', 'async', made, ['a Backend', missingForBackend(made)]);
}

/** Imports the module, picks its export, and calls it when it is a function. */
async function make(flag: string, name: string, table: ModuleNames, options: object, io: LoadIo): Promise<unknown> {
  const picked = await loadExport(flag, name, table, ['default', 'backend', 'transport'], io);
  return typeof picked === 'function' ? callExport(flag, name, () => (picked as (options: object) => unknown)(options)) : picked;
}

/** Short names, and the modules that they stand for. */
export type ModuleNames = Readonly<Record<string, ModuleSpecifier>>;

/**
 * The export that `name[:export]` means: a short name, a file, or an installed package. Without an export the first of
 * `candidates` that the module has.
 * @throws M2Error `M2_OPTION_INVALID`, which says what there is instead.
 */
export async function loadExport(
  flag: string,
  name: string,
  table: ModuleNames,
  candidates: readonly string[],
  io: LoadIo,
): Promise<unknown> {
  const known = Object.hasOwn(table, name) ? table[name] : undefined;
  const specifier = known ?? parseModuleSpecifier(name);
  const url = known === undefined ? resolveModule(specifier.module, io.cwd) : specifier.module;
  if (url === undefined) {
    const text = isFilePath(specifier.module)
      ? `there is no file ${JSON.stringify(specifier.module)} in ${io.cwd}.`
      : `there is neither a name nor an installed module ${JSON.stringify(specifier.module)}. Names: ${Object.keys(table).join(', ')}.`;
    throw invalid(flag, name, `${text}${didYouMean(name, Object.keys(table))}`);
  }
  const exports = await importFrom(flag, name, url, known !== undefined, io);
  return pick(flag, name, specifier, exports, candidates);
}

/** Calls a function that was loaded. @throws M2Error `M2_OPTION_INVALID` with what it throws as its cause. */
export async function callExport(flag: string, name: string, call: () => unknown): Promise<unknown> {
  try {
    return await call();
  } catch (cause) {
    throw invalid(flag, name, 'its function failed.', cause);
  }
}

async function importFrom(flag: string, name: string, url: string, ours: boolean, io: LoadIo): Promise<object> {
  try {
    return await (io.importModule?.(url) ?? (import(/* @vite-ignore */ url) as Promise<object>));
  } catch (cause) {
    const missing = ours && (cause as { code?: unknown }).code === 'ERR_MODULE_NOT_FOUND' && String(cause).includes(`'${url}'`);
    throw missing
      ? invalid(flag, name, `it needs the package ${url}, which is not installed beside m2: npm install ${url}.`)
      : invalid(flag, name, 'the module could not be loaded.', cause);
  }
}

function pick(flag: string, name: string, specifier: ModuleSpecifier, exports: object, candidates: readonly string[]): unknown {
  const module = exports as Readonly<Record<string, unknown>>;
  const names = specifier.export === undefined ? candidates : [specifier.export];
  for (const candidate of names) if (module[candidate] !== undefined) return module[candidate];
  const has = Object.keys(module).join(', ') || 'nothing';
  throw invalid(
    flag,
    name,
    `the module exports no ${names.join(', ')}. It exports ${has}: name one with ${specifier.module}:NAME.`,
  );
}

function refused(
  flag: string,
  name: string,
  value: unknown,
  ...kinds: readonly (readonly [string, readonly string[]])[]
): M2Error {
  const got = value === null ? 'null' : typeof value;
  const missing = kinds.map(([kind, parts]) => `for ${kind} it misses ${parts.join(', ')}`).join('; ');
  return invalid(flag, name, `the module gave ${got === 'object' ? 'an object' : got}, but ${missing}.`);
}

/** A value of a flag that names a module, and what is wrong with it. */
export const invalid = (flag: string, name: string, text: string, cause?: unknown): M2Error =>
  new M2Error('M2_OPTION_INVALID', `${flag}=${name}: ${text}`, {
    details: { flag, value: name },
    ...(cause === undefined ? {} : { cause }),
  });
