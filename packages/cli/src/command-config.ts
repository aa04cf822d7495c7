import { existsSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { ConfigModel, ConfigNote } from '@m2/config';
import { M2Error } from '@m2/core';
import { wantsColor } from './cli-logger.js';
import { configFlags } from './config-flags.js';
import { configHelp } from './config-help.js';
import { changesText, configText, notesText } from './config-text.js';
import { EXIT } from './exit-codes.js';
import type { CliIo } from './io.js';
import { type FlagValues, parseFlags } from './parse-flags.js';
import { didYouMean } from './suggest.js';

type ConfigValues = FlagValues<typeof configFlags>;
type Verb = (files: readonly string[], values: ConfigValues, io: CliIo) => Promise<number>;

const usage = (text: string): M2Error => new M2Error('M2_USAGE', text);

/** `m2 config`: writes, shows, checks, compares and imports Mongrel2's configuration. Resolves to the exit code. */
export async function runConfig(argv: readonly string[], io: CliIo): Promise<number> {
  const { values, positionals } = parseFlags(configFlags, argv, io.env);
  const [verb, ...files] = positionals;
  if (values.help) {
    io.stdout.write(configHelp());
    return EXIT.clean;
  }
  if (verb === undefined) throw usage(`What to do is missing: m2 config ${Object.keys(VERBS).join('|')}.`);
  const run = Object.hasOwn(VERBS, verb) ? VERBS[verb] : undefined;
  if (run === undefined) throw usage(`There is no m2 config ${verb}.${didYouMean(verb, Object.keys(VERBS), 'm2 config ')}`);
  return run(files, values, io);
}

const VERBS: Readonly<Record<string, Verb>> = { build, show, check, diff, import: importDatabase };

const DEFINITIONS = ['mongrel2.config.ts', 'mongrel2.config.mts', 'mongrel2.config.js', 'mongrel2.config.mjs'];
const isDefinition = (path: string): boolean => /\.[cm]?[jt]s$/.test(path);

/** The file that is meant: the one given, else the definition of the folder, else (where that will do) its database. */
function fileOf(files: readonly string[], io: CliIo, orDatabase: boolean): string {
  const [file, ...surplus] = files;
  if (surplus.length > 0) throw usage(`There is one word too many: ${JSON.stringify(surplus[0])}.`);
  if (file !== undefined) return file;
  const candidates = orDatabase ? [...DEFINITIONS, 'config.sqlite'] : DEFINITIONS;
  const found = candidates.find((name) => existsSync(join(io.cwd, name)));
  if (found !== undefined) return found;
  throw usage(`The file is missing, and ${io.cwd} has none of ${candidates.join(', ')}.`);
}

interface LoadedConfig {
  readonly model: ConfigModel;
  readonly notes: readonly ConfigNote[];
  /** As absolute path. */
  readonly path: string;
}

/** Reads a database, or builds a definition in memory. */
async function load(file: string, io: CliIo): Promise<LoadedConfig> {
  const config = await import('@m2/config');
  const path = resolve(io.cwd, file);
  if (!isDefinition(file)) {
    const model = await config.readConfig(path);
    return { model, notes: config.checkConfig(model), path };
  }
  return { ...config.checkDefinition(await config.loadDefinition(path)), path };
}

const colorOf = (io: CliIo): boolean => wantsColor(io.stdout, io.env);
const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

async function build(files: readonly string[], values: ConfigValues, io: CliIo): Promise<number> {
  const file = fileOf(files, io, false);
  if (!isDefinition(file))
    throw usage(`${file} is no definition, which ends with .ts or .js. To turn a database into one: m2 config import ${file}.`);
  const { model, notes, path } = await load(file, io);
  const warnings = notes.filter(({ level }) => level === 'warning');
  io.stderr.write(notesText(warnings, wantsColor(io.stderr, io.env)));
  if (values.strict && warnings.length > 0) {
    throw new M2Error(
      'M2_CONFIG_INVALID',
      `${file} has ${counted(warnings.length, 'warning')}, and with --strict nothing is built then.`,
    );
  }
  const out = values.out === undefined ? join(dirname(path), 'config.sqlite') : resolve(io.cwd, values.out);
  const { writeConfig } = await import('@m2/config');
  await writeConfig(out, model, { source: basename(path), clock: io.clock });
  const { servers, hosts, routes, handlers } = model;
  const what = [
    counted(servers.length, 'server'),
    counted(hosts.length, 'host'),
    counted(routes.length, 'route'),
    counted(handlers.length, 'handler'),
  ];
  io.stdout.write(values.json ? `${JSON.stringify({ database: out, notes: warnings })}\n` : `${out}: ${what.join(', ')}\n`);
  return EXIT.clean;
}

async function show(files: readonly string[], values: ConfigValues, io: CliIo): Promise<number> {
  const { model } = await load(fileOf(files, io, true), io);
  io.stdout.write(values.json ? `${JSON.stringify(model, undefined, 2)}\n` : configText(model));
  return EXIT.clean;
}

async function check(files: readonly string[], values: ConfigValues, io: CliIo): Promise<number> {
  const { model, notes, path } = await load(fileOf(files, io, true), io);
  const { adviseOn, selectHandlers } = await import('@m2/config');
  const root = values.chroot;
  // Where nothing leads to a handler there is nobody to advise.
  const handled = model.routes.some(({ targetType }) => targetType === 'handler');
  const selected = handled ? selectHandlers(model, { all: true }) : [];
  const all = [
    ...notes,
    ...(handled ? adviseOn(model, selected, path, root === undefined ? {} : { root: resolve(io.cwd, root) }) : []),
  ];
  const failing = all.filter(({ level }) => level === 'error' || (values.strict && level === 'warning'));
  if (values.json) io.stdout.write(`${JSON.stringify(all, undefined, 2)}\n`);
  else {
    const count = (wanted: ConfigNote['level']) => all.filter(({ level }) => level === wanted).length;
    io.stdout.write(notesText(all, colorOf(io)));
    io.stdout.write(
      `${counted(count('error'), 'error')}, ${counted(count('warning'), 'warning')}, ${count('advice')} of advice\n`,
    );
  }
  return failing.length > 0 ? EXIT.runtime : EXIT.clean;
}

async function diff(files: readonly string[], values: ConfigValues, io: CliIo): Promise<number> {
  const [before, after, ...surplus] = files;
  if (before === undefined || after === undefined || surplus.length > 0)
    throw usage('Two files are compared: m2 config diff <file> <file>.');
  const { diffConfigs } = await import('@m2/config');
  const changes = diffConfigs((await load(before, io)).model, (await load(after, io)).model);
  io.stdout.write(values.json ? `${JSON.stringify(changes, undefined, 2)}\n` : changesText(changes, colorOf(io)));
  return changes.length > 0 ? EXIT.runtime : EXIT.clean;
}

async function importDatabase(files: readonly string[], values: ConfigValues, io: CliIo): Promise<number> {
  const [file, ...surplus] = files;
  if (file === undefined || surplus.length > 0) throw usage('One database is imported: m2 config import <database>.');
  const { definitionSource, importConfig, readConfig, replaceFile } = await import('@m2/config');
  const { definition, lost } = importConfig(await readConfig(resolve(io.cwd, file)));
  const remarks = [`Made from ${basename(file)} by m2 config import.`, ...lost.map((text) => `Left out: ${text}`)];
  const source = definitionSource(definition, remarks);
  for (const text of lost)
    io.stderr.write(notesText([{ level: 'warning', id: 'lost', where: 'left out', text }], wantsColor(io.stderr, io.env)));
  if (values.out === undefined) {
    io.stdout.write(source);
    return EXIT.clean;
  }
  const out = resolve(io.cwd, values.out);
  if (existsSync(out) && !values.force)
    throw usage(`${values.out} is there already. Give another --out, or --force to replace it.`);
  await replaceFile(out, source);
  io.stdout.write(`${out}\n`);
  return EXIT.clean;
}
