import { M2Error } from '@m2/core';
import { appKind } from './app-kind.js';
import type { AppModule } from './import-app.js';
import type { CapturedServer } from './node-listen.js';
import type { AppSpecifier } from './specifier.js';

/**
 * The export that is the app: the one that was asked for; else the module itself when it exports `fetch`; else its default
 * export; else the one server that it told to listen.
 * @throws M2Error `M2_APP_EXPORT_MISSING`, which lists what there is.
 */
export function pickApp(module: AppModule, specifier: AppSpecifier, servers: readonly CapturedServer[] = []): unknown {
  const { exportName } = specifier;
  if (exportName !== undefined) return namedExport(module, specifier, exportName);
  const { fetch } = module;
  if (typeof fetch === 'function') return { fetch };
  const [captured] = servers;
  // Several for one place are one app on several addresses, as Fastify has them for localhost.
  if (
    captured !== undefined &&
    servers.every(({ place }) => place === captured.place) &&
    appKind(defaultOf(module)) === undefined
  )
    return captured.server;
  if (!('default' in module)) throw noDefault(module, specifier, servers);
  return defaultOf(module);
}

function defaultOf(module: AppModule): unknown {
  const app = module.default;
  // A CommonJS module that was compiled from ES modules has its default export one level down.
  const inner = (app as { default?: unknown } | null | undefined)?.default;
  return appKind(app) === undefined && appKind(inner) !== undefined ? inner : app;
}

function namedExport(module: AppModule, specifier: AppSpecifier, name: string): unknown {
  if (name in module) return module[name];
  const inner = module.default;
  if (((typeof inner === 'object' && inner !== null) || typeof inner === 'function') && name in inner)
    return (inner as AppModule)[name];
  throw missing(specifier, `has no export '${name}'`, exportsOf(module));
}

function noDefault(module: AppModule, specifier: AppSpecifier, servers: readonly CapturedServer[]): M2Error {
  if (servers.length > 1) {
    const places = servers.map(({ place }) => place).join(', ');
    return missing(specifier, `exports no app, and its servers are told to listen on ${places}: export the one to run`, []);
  }
  const names = exportsOf(module);
  if (names.length === 0) {
    return missing(
      specifier,
      'exports nothing',
      names,
      ' Export the app, as in: export default (request) => new Response("hello"). One that calls listen() must do so before its import is over.',
    );
  }
  const likely = names.find((name) => appKind(module[name]) !== undefined) ?? names[0];
  return missing(
    specifier,
    'has neither a default export nor one called fetch',
    names,
    ` Name one, as in ${specifier.fileName}:${likely}`,
  );
}

function missing(specifier: AppSpecifier, what: string, names: readonly string[], hint = ''): M2Error {
  const list = names.length === 0 ? '' : ` It exports ${names.join(', ')}.`;
  return new M2Error('M2_APP_EXPORT_MISSING', `${specifier.fileName} ${what}.${list}${hint}`, {
    details: { path: specifier.path, export: specifier.exportName, exports: names },
  });
}

/** Names that can follow the colon. */
function exportsOf(module: AppModule): string[] {
  const names = new Set(Object.keys(module));
  const inner = module.default;
  if (typeof inner === 'object' && inner !== null && appKind(inner) === undefined)
    for (const name of Object.keys(inner)) names.add(name);
  names.delete('__esModule');
  names.delete('module.exports');
  return [...names].sort();
}
