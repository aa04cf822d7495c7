import { M2Error } from '@m2/core';

/** What mkstemp puts in the place of the six X. */
const RANDOM = '[A-Za-z0-9]{6}';
/** The longest name of a file that any usual file system has, in bytes. */
const MAX_NAME_BYTES = 255;

/** Gives the file name of a stored upload as Mongrel2 tells it; undefined for what Mongrel2 cannot have made. */
export type UploadNames = (start: string) => string | undefined;

/**
 * Checks names by the pattern of `upload.temp_store`, such as `up.XXXXXX`; by mkstemp's six letters or digits at the end when
 * there is none. A pattern with a folder, such as `/uploads/up.XXXXXX`, wants the folder to be that one too, as Mongrel2
 * sees it. Does no IO.
 * @throws M2Error `M2_OPTION_INVALID` for a pattern that mkstemp would refuse.
 */
export function uploadNames(pattern: string | undefined): UploadNames {
  const [folder, last] = split(pattern ?? 'XXXXXX');
  if (!last.endsWith('XXXXXX') || last.includes('\0')) {
    throw new M2Error(
      'M2_OPTION_INVALID',
      `The pattern of uploads is ${JSON.stringify(pattern)}; give upload.temp_store as in Mongrel2's settings, which ends in XXXXXX, such as up.XXXXXX.`,
      { details: { option: 'pattern', value: pattern } },
    );
  }
  const prefix = pattern === undefined ? '.*' : quoted(last.slice(0, -6));
  const shape = new RegExp(`^${prefix}${RANDOM}$`, 's');
  return (start) => {
    const path = decode(start);
    if (path === undefined) return undefined;
    const [where, name] = split(path);
    if (folder !== undefined && folder !== where) return undefined;
    return isPlain(path, name) && shape.test(name) ? name : undefined;
  };
}

/** The folder, undefined when the path has none, and the last part. */
function split(path: string): [folder: string | undefined, last: string] {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? [undefined, path] : [path.slice(0, slash), path.slice(slash + 1)];
}

/** Headers are latin1, one character a byte; names of files are UTF-8. */
function decode(start: string): string | undefined {
  const text = Buffer.from(start, 'latin1').toString('utf8');
  return text.includes('\ufffd') ? undefined : text;
}

function isPlain(path: string, name: string): boolean {
  if (path.includes('\0') || path.split('/').includes('..')) return false;
  return !name.includes('\\') && Buffer.byteLength(name) <= MAX_NAME_BYTES;
}

const quoted = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
