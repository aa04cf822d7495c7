import { M2Error } from '@m2/core';
import type { SqlDatabase, SqlValue } from './sqlite.js';

/** Rows of one table, at most. */
const MAX_ROWS = 100_000;
/** Characters of one text, at most. */
const MAX_TEXT = 65_536;

/** What a column may hold. `fallback` stands in for NULL and for a column that the table does not have. */
export interface Column {
  readonly name: string;
  readonly kind: 'integer' | 'text';
  readonly fallback?: string | number;
}

/** A column of whole numbers. */
export const integer = (name: string, fallback?: number): Column => ({
  name,
  kind: 'integer',
  ...(fallback === undefined ? {} : { fallback }),
});

/** A column of text. */
export const text = (name: string, fallback?: string): Column => ({
  name,
  kind: 'text',
  ...(fallback === undefined ? {} : { fallback }),
});

/** One row, by column. */
export type Row = Readonly<Record<string, string | number>>;

const invalid = (path: string, what: string, details: object = {}): M2Error =>
  new M2Error('M2_CONFIG_INVALID', `Mongrel2's configuration ${path}: ${what}`, { details: { path, ...details } });

/** Reads the tables of one database, and refuses what Mongrel2 would not take either. */
export class RowReader {
  private readonly kinds = new Map<string, string>();

  /** @throws M2Error `M2_CONFIG_INVALID` when the database is damaged. */
  constructor(
    private readonly database: SqlDatabase,
    private readonly path: string,
  ) {
    this.query('PRAGMA trusted_schema = OFF', 1);
    const [verdict] = this.query('PRAGMA quick_check(1)', 1);
    if (verdict?.[0] !== 'ok')
      throw invalid(path, `the database is damaged: ${String(verdict?.[0]).slice(0, 200)}. Build it anew.`);
    for (const [type, name, sql] of this.query('SELECT type, name, sql FROM sqlite_schema', 10_000)) {
      if (type === 'index' || type === 'trigger') continue;
      const virtual = /^\s*CREATE\s+VIRTUAL/i.test(String(sql));
      this.kinds.set(String(name).toLowerCase(), virtual ? 'virtual table' : String(type));
    }
  }

  /** True when there is a table of that name. */
  has(table: string): boolean {
    return this.kinds.has(table);
  }

  /** True when the table has the column. */
  hasColumn(table: string, column: string): boolean {
    return this.columnsOf(table).has(column);
  }

  /** Rows in the order in which Mongrel2 reads them. An absent table is an error unless `optional`. */
  rows(table: string, columns: readonly Column[], optional = false): Row[] {
    const kind = this.kinds.get(table);
    if (kind === undefined) {
      if (optional) return [];
      throw invalid(this.path, `there is no table ${table}. It has ${this.tableNames()}. Is this a database of Mongrel2?`, {
        table,
      });
    }
    // A view can compute for ever; Mongrel2's own are tables.
    if (kind !== 'table') throw invalid(this.path, `${table} is a ${kind}, not a table.`, { table });
    const present = this.columnsOf(table);
    for (const { name, fallback } of columns) {
      if (!present.has(name) && fallback === undefined) {
        throw invalid(this.path, `table ${table} has no column ${name}. It has ${[...present].join(', ')}.`, {
          table,
          column: name,
        });
      }
    }
    const found = columns.filter(({ name }) => present.has(name));
    const wanted = found.map(({ name }) => `"${name}", typeof("${name}")`).join(', ');
    const rows = this.query(`SELECT ${wanted} FROM "${table}" LIMIT ${MAX_ROWS + 1}`, MAX_ROWS + 1);
    if (rows.length > MAX_ROWS) throw invalid(this.path, `table ${table} has more than ${MAX_ROWS} rows.`, { table });
    return rows.map((row, index) => this.read(table, columns, found, row, index));
  }

  private read(
    table: string,
    columns: readonly Column[],
    found: readonly Column[],
    row: readonly SqlValue[],
    index: number,
  ): Row {
    const result: Record<string, string | number> = {};
    const at = found[0]?.name === 'id' ? `id ${String(row[0])}` : `number ${index + 1}`;
    for (const column of columns) {
      const position = found.indexOf(column);
      const value = position === -1 ? null : (row[position * 2] ?? null);
      const type = position === -1 ? 'null' : String(row[position * 2 + 1]);
      result[column.name] = this.value(column, value, type, `table ${table}, row ${at}, column ${column.name}`);
    }
    return result;
  }

  private value({ kind, fallback }: Column, value: SqlValue, type: string, where: string): string | number {
    if (value === null && fallback !== undefined) return fallback;
    if (type !== kind) {
      const shown = value === null ? 'NULL' : `${type === 'blob' ? 'a blob' : JSON.stringify(value).slice(0, 60)}`;
      throw invalid(this.path, `${where} has ${shown}; it must be ${kind === 'integer' ? 'a whole number' : 'text'}.`, { where });
    }
    if (typeof value === 'string') {
      if (value.length > MAX_TEXT)
        throw invalid(this.path, `${where} has ${value.length} characters, more than ${MAX_TEXT}.`, { where });
      if (value.includes('\0')) throw invalid(this.path, `${where} has a NUL, at which Mongrel2 would stop reading.`, { where });
      return value;
    }
    if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
    throw invalid(this.path, `${where} has ${String(value)}, a number that is too large.`, { where });
  }

  private columnsOf(table: string): Set<string> {
    const names = new Set<string>();
    for (const row of this.query(`PRAGMA table_xinfo("${table}")`, 2_000)) {
      // 2 and 3 mark generated columns, whose values can be made as large as one likes.
      if (row[6] === 2 || row[6] === 3)
        throw invalid(this.path, `table ${table} computes its column ${String(row[1])}.`, { table });
      names.add(String(row[1]).toLowerCase());
    }
    return names;
  }

  private tableNames(): string {
    const names = [...this.kinds.keys()].filter((name) => !name.startsWith('sqlite_'));
    return names.length === 0 ? 'no tables at all' : `the tables ${names.slice(0, 20).join(', ')}`;
  }

  private query(sql: string, limit: number): SqlValue[][] {
    const rows: SqlValue[][] = [];
    try {
      const statement = this.database.prepare(sql);
      try {
        while (rows.length < limit && statement.step()) rows.push(statement.get());
      } finally {
        statement.free();
      }
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new M2Error('M2_CONFIG_INVALID', `Mongrel2's configuration ${this.path} cannot be read as a database: ${why}.`, {
        cause,
        details: { path: this.path },
      });
    }
    return rows;
  }
}
