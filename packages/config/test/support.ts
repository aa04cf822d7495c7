import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import { checkDefinition } from '../src/build-config.js';
import { databaseImage } from '../src/database-image.js';
import type { ConfigDefinition, ServerDefinition } from '../src/definition.js';
import { loadSqlite } from '../src/sqlite.js';

const folders: string[] = [];

/** A folder of its own for a test; it is removed after it. */
export function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'm2-config-'));
  folders.push(folder);
  return folder;
}

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A definition of one server, `main`, whose one host has these routes. */
export function definitionOf(
  routes: Record<string, unknown>,
  more: Partial<ConfigDefinition> = {},
  server: Partial<ServerDefinition> = {},
): ConfigDefinition {
  const host = { name: 'localhost', routes: routes as Record<string, { handler: string }> };
  return { servers: [{ uuid: 'main', port: 6767, hosts: [host], ...server }], ...more };
}

/** A handler over tcp. */
export const handler = (sendIdent: string, port: number, more: object = {}) => ({
  sendSpec: `tcp://127.0.0.1:${port}`,
  sendIdent,
  ...more,
});

const entry = { who: 'test', what: 'build', location: 'here', how: 'a test', why: 'command' };

/** A database of a definition, changed by SQL, in a file. */
export async function databaseFile(definition: ConfigDefinition, sql = '', folder: string = newFolder()): Promise<string> {
  const { Database } = await loadSqlite();
  const database = new Database(await databaseImage(checkDefinition(definition).model, entry, 0));
  const path = join(folder, 'config.sqlite');
  try {
    if (sql !== '') database.run(sql);
    writeFileSync(path, database.export());
  } finally {
    database.close();
  }
  return path;
}
