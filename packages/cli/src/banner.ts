import { readFileSync } from 'node:fs';
import type { CliLogger } from './cli-logger.js';
import { paint } from './cli-logger.js';

/** The version of this package. */
export const VERSION: string = (
  JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
).version;

/** What the start-up banner shows. */
export interface BannerFacts {
  /** What the user called the app. */
  readonly app: string;
  /** What kind of app it is, such as `fetch`; undefined while a child process loads it. */
  readonly kind: string | undefined;
  readonly io: string;
  /** Undefined while a child process chooses it. */
  readonly transport: string | undefined;
  readonly servers: readonly { readonly sendSpec: string; readonly recvSpec: string; readonly inferred: boolean }[];
  readonly pid: number;
  /** The embedded front's address. */
  readonly url?: string;
}

/** Writes the start-up banner: several lines for people, or one JSON line. */
export function showBanner(logger: CliLogger, facts: BannerFacts): void {
  if (logger.format === 'json') {
    const { app, kind, io, transport, servers, url } = facts;
    const at = url === undefined ? '' : ` at ${url}`;
    return logger.info(`m2 ${VERSION} serves ${app}${at}`, {
      version: VERSION,
      app,
      kind,
      io,
      transport,
      servers,
      ...(url && { url }),
    });
  }
  const row = (name: string, value: string, note = '') =>
    `  ${paint(logger.color, '2', name.padEnd(10))} ${value}${note === '' ? '' : paint(logger.color, '2', `  ${note}`)}\n`;
  const kind = facts.kind === undefined ? '' : ` (${facts.kind} app)`;
  const lines = [`${paint(logger.color, '1', `m2 ${VERSION}`)}  ${facts.app}${kind}\n`];
  if (facts.url !== undefined)
    lines.push(row('open', paint(logger.color, '1', facts.url), 'embedded front, for trying and testing only'));
  lines.push(row('io', facts.transport === undefined ? facts.io : `${facts.io} over ${facts.transport}`));
  for (const { sendSpec, recvSpec, inferred } of facts.servers) {
    lines.push(row('send_spec', sendSpec, 'requests come from here'));
    lines.push(row('recv_spec', recvSpec, inferred ? "replies go here; inferred: send_spec's port - 1" : 'replies go here'));
  }
  lines.push(row('pid', String(facts.pid)), '  Press Ctrl+C to stop.\n');
  logger.raw(lines.join(''));
}
