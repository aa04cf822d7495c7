import { createRequire } from 'node:module';

/** A value of SQLite. */
export type SqlValue = number | string | Uint8Array | null;

/** A prepared statement of sql.js. */
export interface SqlStatement {
  step(): boolean;
  get(): SqlValue[];
  run(values: readonly SqlValue[]): void;
  free(): boolean;
}

/** A database of sql.js, in memory. */
export interface SqlDatabase {
  prepare(sql: string): SqlStatement;
  run(sql: string): SqlDatabase;
  export(): Uint8Array;
  close(): void;
}

/** The part of sql.js that this package uses. */
export interface SqlJs {
  readonly Database: new (image?: Uint8Array) => SqlDatabase;
}

let loading: Promise<SqlJs> | undefined;

/** SQLite itself, compiled to WebAssembly; loaded when it is first needed. It works on copies in memory and never opens a file. */
export function loadSqlite(): Promise<SqlJs> {
  if (loading === undefined) {
    // The package has no types, and is CommonJS.
    const init = createRequire(import.meta.url)('sql.js') as () => Promise<SqlJs>;
    loading = init();
  }
  return loading;
}
