import { resolve } from 'node:path';
import { M2Error } from '@m2/core';
import { type ConfigDefinition, defineConfig } from './definition.js';

/**
 * Loads the file that defines a configuration: TypeScript or JavaScript, with `export default defineConfig({ ... })`. It may import `@m2/config` without having it
 * installed. Its code runs.
 * @throws M2Error `M2_CONFIG_LOAD_FAILED`
 */
export async function loadDefinition(path: string): Promise<ConfigDefinition> {
  const file = resolve(path);
  let exported: unknown;
  try {
    const { createJiti } = await import('jiti');
    // No default export is not the same as one of all exports. No caches: neither files in node_modules, nor a module that has changed since.
    const jiti = createJiti(file, {
      fsCache: false,
      moduleCache: false,
      interopDefault: false,
      virtualModules: { '@m2/config': { defineConfig } },
    });
    exported = (await jiti.import<{ default?: unknown }>(file)).default;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new M2Error('M2_CONFIG_LOAD_FAILED', `The configuration ${path} could not be loaded: ${why}`, {
      cause,
      details: { path },
    });
  }
  const servers = typeof exported === 'object' && exported !== null ? (exported as { servers?: unknown }).servers : undefined;
  if (servers === undefined) {
    throw new M2Error(
      'M2_CONFIG_LOAD_FAILED',
      `${path} exports no configuration by default. Write export default defineConfig({ servers: [ ... ] }).`,
      {
        details: { path },
      },
    );
  }
  return exported as ConfigDefinition;
}
