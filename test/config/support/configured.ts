import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConfigDefinition, checkDefinition, writeConfig } from '@m2/config';
import { within } from '../../harness/deadline.js';
import { answers, leash } from '../../harness/mongrel2.js';
import { leasePorts } from '../../harness/ports.js';
import { Spawned } from '../../harness/spawned.js';

/** What a configuration is made with: a free port for HTTP, one to spare, and a folder with `run`, `logs`, `tmp` and `uploads`. */
export interface Surroundings {
  readonly port: number;
  readonly otherPort: number;
  readonly chroot: string;
}

/** A Mongrel2 that runs with a database which this project built, or the real m2sh. */
export interface ConfiguredMongrel2 extends Surroundings {
  /** The database. */
  readonly database: string;
  /** Resolves when its process is gone. */
  ended(): Promise<number | NodeJS.Signals>;
  log(): string;
  stop(): Promise<void>;
}

/** Makes the folder, builds the database with `@m2/config`, and starts Mongrel2 with the first of its servers. */
export function startConfigured(
  define: (given: Surroundings) => ConfigDefinition | Promise<ConfigDefinition>,
): Promise<ConfiguredMongrel2> {
  return start(async (given, database) => {
    const { model } = checkDefinition(await define(given));
    await writeConfig(database, model);
    return model.servers[0]?.uuid ?? '';
  });
}

/** Like {@link startConfigured}, with a database that m2sh makes of a text. The first server's uuid is `main`. */
export function startLoaded(conf: (given: Surroundings) => string): Promise<ConfiguredMongrel2> {
  return start(async (given, database) => {
    loadWithM2sh(given.chroot, conf(given), database);
    return 'main';
  });
}

/** Makes a database of a text as m2sh reads it. */
export function loadWithM2sh(folder: string, conf: string, database: string): void {
  const source = join(folder, 'mongrel2.conf');
  writeFileSync(source, conf);
  execFileSync('m2sh', ['load', '-config', source, '-db', database], {
    cwd: folder,
    env: { ...process.env, LOGNAME: process.env.LOGNAME ?? 'm2-tests' },
    stdio: 'pipe',
  });
}

async function start(build: (given: Surroundings, database: string) => Promise<string>): Promise<ConfiguredMongrel2> {
  const lease = await leasePorts();
  const [port = 0, otherPort = 0] = lease.ports;
  const chroot = mkdtempSync(join(tmpdir(), 'm2-config-'));
  for (const folder of ['run', 'logs', 'tmp', 'uploads', 'files']) mkdirSync(join(chroot, folder));
  const database = join(chroot, 'config.sqlite');
  const given = { port, otherPort, chroot };
  let child: Spawned | undefined;
  const log = () => {
    const path = join(chroot, 'logs/error.log');
    return `${child?.output ?? ''}${existsSync(path) ? readFileSync(path, 'latin1') : ''}`;
  };
  const stop = async () => {
    await child?.stop();
    await lease.release();
    rmSync(chroot, { recursive: true, force: true });
  };
  try {
    const uuid = await build(given, database);
    const [command = '', ...args] = [...leash, 'mongrel2', 'config.sqlite', uuid];
    const running = new Spawned(command, args, { cwd: chroot });
    child = running;
    const gone = running.end().then(
      () => false,
      () => false,
    );
    await within(accepting(port, gone), () => `Mongrel2 answers on port ${port}. Its log:\n${log()}`, 15_000);
    return { ...given, database, log, stop, ended: () => running.end() };
  } catch (error) {
    const text = log();
    await stop();
    throw new Error(`Mongrel2 did not start: ${String(error)}\n${text}`, { cause: error });
  }
}

/** Its port listens before its tasks run: only an answer shows that they do. Nothing tells when to look, so it is asked again. */
async function accepting(port: number, gone: Promise<boolean>): Promise<void> {
  for (;;) {
    if (await answers(port)) return;
    const again = new Promise<boolean>((resolve) => setTimeout(() => resolve(true), 5));
    if (!(await Promise.race([again, gone]))) throw new Error('Mongrel2 ended instead of starting.');
  }
}
