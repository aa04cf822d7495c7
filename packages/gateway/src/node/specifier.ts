import { statSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What `file[:export]` names. */
export interface AppSpecifier {
  /** As it was given. */
  readonly given: string;
  /** The file part as it was given. */
  readonly fileName: string;
  /** Its full path. */
  readonly path: string;
  /** The export that was asked for; undefined when none was. */
  readonly exportName: string | undefined;
}

/** A colon and the name of an export at the end. */
const EXPORT_PART = /^(.+):([\p{ID_Start}$_][\p{ID_Continue}$]*)$/u;

/** Whether there is a file of this path. */
export const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;

/**
 * Takes `file[:export]` apart; the file is relative to `cwd`, or a `file:` URL. A colon that belongs to the file's own name,
 * or to a drive as in `C:\app.mjs`, begins no export.
 */
export function parseSpecifier(given: string, cwd: string): AppSpecifier {
  const whole = toPath(given, cwd);
  const [, fileName, exportName] = EXPORT_PART.exec(given) ?? [];
  const isDrive = process.platform === 'win32' && fileName?.length === 1;
  if (fileName === undefined || exportName === undefined || isDrive || fileName === 'file' || isFile(whole)) {
    return { given, fileName: given, path: whole, exportName: undefined };
  }
  return { given, fileName, path: toPath(fileName, cwd), exportName };
}

function toPath(name: string, cwd: string): string {
  if (name.startsWith('file://')) return fileURLToPath(name);
  return isAbsolute(name) ? name : resolve(cwd, name);
}
