import { M2Error, MAX_TARGETS } from '@m2/core';

/** The settings that the front knows, with Mongrel2's own names. */
export interface FrontSettings {
  /** 1: at most 102,400 unacknowledged bytes per client, and credits notices (protocol 8). 0, the default: at most 16 queued messages. */
  readonly 'download.flow_control'?: 0 | 1;
  /** 1: bodies that are chunked or longer than `limits.content_length` come in parts, against credits (protocol 7.3). Default 0. */
  readonly 'upload.stream'?: 0 | 1;
  /** Where such bodies are stored when they are not streamed: a file name that ends with XXXXXX (protocol 7.2). Default: nowhere, they get 413. */
  readonly 'upload.temp_store'?: string;
  /** The mode of stored files, read as C does: a leading 0 means octal. Default '0600'. */
  readonly 'upload.temp_store_mode'?: string;
  /** The longest body, in bytes, that comes in one message with its head. Default 20,480. */
  readonly 'limits.content_length'?: number;
  /** The longest head of a request, in bytes. Default 4,096. */
  readonly 'limits.buffer_size'?: number;
  /** Clients in one reply. Default 128. */
  readonly 'limits.handler_targets'?: number;
}

/** Settings with everything filled in. */
export interface ResolvedSettings {
  readonly flowControl: boolean;
  readonly streamUploads: boolean;
  /** Without the XXXXXX at its end. */
  readonly tempStore: string | undefined;
  readonly tempStoreMode: number;
  readonly contentLength: number;
  readonly bufferSize: number;
  readonly handlerTargets: number;
}

const NAMES: readonly string[] = [
  'download.flow_control',
  'upload.stream',
  'upload.temp_store',
  'upload.temp_store_mode',
  'limits.content_length',
  'limits.buffer_size',
  'limits.handler_targets',
];

const invalid = (name: string, value: unknown, wanted: string): M2Error =>
  new M2Error('M2_OPTION_INVALID', `The setting ${name} is ${JSON.stringify(value)}; it must be ${wanted}.`, {
    details: { option: name, value },
  });

function flag(settings: FrontSettings, name: 'download.flow_control' | 'upload.stream'): boolean {
  const value: unknown = settings[name] ?? 0;
  if (value === 0 || value === 1) return value === 1;
  throw invalid(name, value, '0 or 1');
}

function count(
  settings: FrontSettings,
  name: 'limits.content_length' | 'limits.buffer_size' | 'limits.handler_targets',
  normal: number,
): number {
  const value = settings[name] ?? normal;
  // Mongrel2 keeps these in an int.
  if (Number.isInteger(value) && value >= 1 && value <= 0x7fff_ffff) return value;
  throw invalid(name, value, 'a whole number from 1 to 2147483647');
}

function storePrefix(value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'string' && /[^/]XXXXXX$|\/XXXXXX$/.test(value) && !value.includes(' ')) return value.slice(0, -6);
  throw invalid('upload.temp_store', value, 'a file name that ends with XXXXXX, such as /var/uploads/up.XXXXXX');
}

function storeMode(value: string): number {
  const digits = /^(?:0[xX][0-9a-fA-F]+|0[0-7]+|[1-9]\d*)$/.test(value) ? value : '';
  const mode = Number(/^0[0-7]/.test(digits) ? `0o${digits}` : digits || Number.NaN);
  if (mode > 0 && mode <= 0o7777) return mode;
  throw invalid('upload.temp_store_mode', value, "a file mode such as '0600'");
}

/**
 * Fills in Mongrel2's defaults.
 * @throws M2Error `M2_OPTION_INVALID` for an unknown name or a value out of range.
 */
export function resolveSettings(settings: FrontSettings = {}): ResolvedSettings {
  for (const name of Object.keys(settings)) {
    if (!NAMES.includes(name))
      throw invalid(name, (settings as Record<string, unknown>)[name], `one of these: ${NAMES.join(', ')}`);
  }
  return {
    flowControl: flag(settings, 'download.flow_control'),
    streamUploads: flag(settings, 'upload.stream'),
    tempStore: storePrefix(settings['upload.temp_store']),
    tempStoreMode: storeMode(settings['upload.temp_store_mode'] ?? '0600'),
    contentLength: count(settings, 'limits.content_length', 20_480),
    bufferSize: count(settings, 'limits.buffer_size', 4096),
    handlerTargets: count(settings, 'limits.handler_targets', MAX_TARGETS),
  };
}
