/** Something to know about a configuration. */
export interface ConfigNote {
  /** `error`: Mongrel2 refuses it, or it cannot work. `warning`: it works, but hurts. `advice`: it could serve m2 better. */
  readonly level: 'error' | 'warning' | 'advice';
  /** Stable name of the kind of note, such as `recv-ident-no-prefix`. */
  readonly id: string;
  /** What it is about: a server, host, route, handler or setting. */
  readonly where: string;
  /** What is so, why that matters, and what to do. */
  readonly text: string;
}

/** Collects notes. */
export class Notes {
  readonly list: ConfigNote[] = [];

  error(id: string, where: string, text: string): void {
    this.list.push({ level: 'error', id, where, text });
  }

  warn(id: string, where: string, text: string): void {
    this.list.push({ level: 'warning', id, where, text });
  }

  advise(id: string, where: string, text: string): void {
    this.list.push({ level: 'advice', id, where, text });
  }
}

/** How notes name a row. */
export const nameOf = {
  server: ({ name, uuid }: { name: string; uuid: string }): string => `server ${name === '' ? uuid : name}`,
  host: ({ name }: { name: string }): string => `host ${name}`,
  route: ({ path }: { path: string }): string => `route ${path}`,
  handler: ({ id, sendIdent }: { id: number; sendIdent: string }): string =>
    `handler ${sendIdent === '' ? `id ${id}` : sendIdent}`,
  dir: ({ base }: { base: string }): string => `dir ${base}`,
  proxy: ({ addr, port }: { addr: string; port: number }): string => `proxy ${addr}:${port}`,
  setting: (key: string): string => `setting ${key}`,
};
