import { pathToFileURL } from 'node:url';
import type { M2Error } from '@m2/core';
import { importFailure } from './import-failure.js';
import type { AppSpecifier } from './specifier.js';

/** A module's exports by name. */
export type AppModule = Readonly<Record<string, unknown>>;

/** Imports a module by its URL: `import()`, or a loader's own way. */
export type ImportModule = (url: string) => Promise<unknown>;

/**
 * Imports the app's module.
 * @throws M2Error `M2_APP_IMPORT_FAILED` or `M2_APP_TYPESCRIPT_UNSUPPORTED`, with the error of the import as its cause.
 */
export async function importApp(specifier: AppSpecifier, importModule: ImportModule): Promise<AppModule> {
  try {
    return (await importModule(pathToFileURL(specifier.path).href)) as AppModule;
  } catch (error) {
    const failure: M2Error = await importFailure(specifier, error);
    throw failure;
  }
}
