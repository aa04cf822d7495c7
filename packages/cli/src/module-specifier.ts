import { existsSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

/** `module[:export]` as `--io` and `--transport` take it. */
export interface ModuleSpecifier {
  readonly module: string;
  readonly export?: string;
}

/** Splits `./pool.mjs:makePool`; a drive letter or a URL's scheme is no module name. */
export function parseModuleSpecifier(text: string): ModuleSpecifier {
  const parts = /^(.{2,}):([A-Za-z_$][\w$]*)$/.exec(text);
  return parts === null ? { module: text } : { module: parts[1] ?? text, export: parts[2] ?? '' };
}

/** True for what can only be a file: it begins with `.` or `/`, or is a file URL or a Windows path. */
export const isFilePath = (module: string): boolean => /^(?:\.{0,2}[\\/]|\.{1,2}$|file:|[A-Za-z]:[\\/])/.test(module);

/**
 * What to import for a module that the user named: a file of the working folder, or a package that is installed there.
 * Undefined when neither is found.
 */
export function resolveModule(module: string, cwd: string): string | undefined {
  if (module.startsWith('file:')) return module;
  const path = resolve(cwd, module);
  if (existsSync(path) && statSync(path).isFile()) return pathToFileURL(path).href;
  if (isFilePath(module)) return undefined;
  try {
    return pathToFileURL(createRequire(join(cwd, 'm2.js')).resolve(module)).href;
  } catch (error) {
    // A package whose exports have only an `import` condition cannot be seen by require.
    return (error as { code?: unknown }).code === 'ERR_PACKAGE_PATH_NOT_EXPORTED' ? resolveImportOnly(module, cwd) : undefined;
  }
}

function resolveImportOnly(module: string, cwd: string): string | undefined {
  const name = module.split('/', module.startsWith('@') ? 2 : 1).join('/');
  const subpath = `.${module.slice(name.length)}`;
  for (let folder = resolve(cwd); ; folder = dirname(folder)) {
    const manifest = join(folder, 'node_modules', name, 'package.json');
    if (existsSync(manifest)) {
      const { exports } = JSON.parse(readFileSync(manifest, 'utf8')) as { exports?: unknown };
      const entry = importTarget(
        isObject(exports) && subpath in exports ? exports[subpath] : subpath === '.' ? exports : undefined,
      );
      return entry === undefined ? undefined : pathToFileURL(join(dirname(manifest), entry)).href;
    }
    if (dirname(folder) === folder) return undefined;
  }
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

/** Conditions in the order of the package's own list, as Node reads them. */
function importTarget(entry: unknown): string | undefined {
  if (typeof entry === 'string') return entry;
  if (!isObject(entry)) return undefined;
  for (const [condition, target] of Object.entries(entry)) {
    if (condition !== 'node' && condition !== 'import' && condition !== 'default') continue;
    const found = importTarget(target);
    if (found !== undefined) return found;
  }
  return undefined;
}
