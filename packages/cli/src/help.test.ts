import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { configFlags, controlFlags } from './config-flags.js';
import { configHelp, controlHelp } from './config-help.js';
import { EXIT } from './exit-codes.js';
import { devFlags, serveFlags } from './flags.js';
import { devHelp, helpOf, mainHelp, serveHelp } from './help.js';
import type { FlagTable } from './parse-flags.js';

const page = readFileSync(new URL('../../../docs/cli.md', import.meta.url), 'utf8');

/** The cells of the tables under a heading, by the text of the first. */
function rowsUnder(heading: string): Map<string, string[]> {
  const [, section = ''] = page.split(`\n## ${heading}\n`);
  const rows = new Map<string, string[]>();
  for (const line of (section.split('\n## ')[0] ?? '').split('\n')) {
    if (!line.startsWith('|') || line.startsWith('|---')) continue;
    const [, first = '', ...cells] = line
      .split(/(?<!\\)\|/)
      .map((cell) => cell.trim().replaceAll('\\|', '|').replaceAll('`', ''));
    rows.set(first, cells.slice(0, -1));
  }
  return rows;
}

const serveRows = rowsUnder('m2 serve');
const devRows = rowsUnder('m2 dev');

const visible = (table: FlagTable) => Object.entries(table).filter(([, flag]) => flag.internal !== true);
const written = (name: string, placeholder?: string) => (placeholder === undefined ? `--${name}` : `--${name}=${placeholder}`);

describe('docs/cli.md', () => {
  it.each(visible(serveFlags))('has the form, default and meaning of serve --%s', (name, flag) => {
    const row = serveRows.get(flag.short === undefined ? written(name, flag.placeholder) : `-${flag.short}, --${name}`);
    expect(row?.[0]).toBe(flag.fallbackText ?? '');
    expect(row?.[1]?.toLowerCase()).toBe(flag.help.replace(/\.$/, '').toLowerCase());
  });

  it.each(visible(devFlags))('has dev --%s, where it is not that of serve', (name, flag) => {
    const same = (serveFlags as FlagTable)[name];
    if (same?.fallback === flag.fallback) return expect(same?.help).toBe(flag.help);
    const row = devRows.get(written(name, flag.placeholder));
    expect(row?.[0]).toBe(flag.fallbackText ?? '');
    expect(row?.[1]?.toLowerCase()).toBe(flag.help.replace(/\.$/, '').toLowerCase());
  });

  it.each([
    ...visible(configFlags).map(([name, flag]) => ['config', name, flag] as const),
    ...visible(controlFlags).map(([name, flag]) => ['control', name, flag] as const),
  ])('has the form, default and meaning of %s --%s', (command, name, flag) => {
    const row = rowsUnder(`m2 ${command}`).get(
      flag.short === undefined ? written(name, flag.placeholder) : `-${flag.short}, --${name}`,
    );
    expect(row?.[0]).toBe(flag.fallbackText ?? '');
    expect(row?.[1]?.toLowerCase()).toBe(flag.help.replace(/\.$/, '').toLowerCase());
  });

  it('has no flag that is not there', () => {
    const known = new Set(
      [...visible(serveFlags), ...visible(devFlags), ...visible(configFlags), ...visible(controlFlags)].map(
        ([name]) => `--${name}`,
      ),
    );
    for (const [flag] of page.matchAll(/--[a-z][a-z-]+/g)) expect([...known, '--print-config']).toContain(flag);
  });

  it('has every exit code', () => {
    expect([...rowsUnder('Exit codes').keys()].slice(1)).toEqual([...Object.values(EXIT).map(String), '128+n']);
  });

  it('has the commands as the help shows them', () => {
    for (const line of /```text\n([\s\S]*?)```/.exec(page)?.[1]?.trim().split('\n') ?? ['no commands']) {
      expect(mainHelp().replace(/ +/g, ' ')).toContain(line.replace(/ +/g, ' '));
    }
  });
});

describe('help', () => {
  it('fits into 100 columns', () => {
    for (const text of [mainHelp(), serveHelp(), devHelp(), configHelp(), controlHelp()]) {
      for (const line of text.split('\n')) expect([line, line.length <= 110]).toEqual([line, true]);
    }
  });

  it('names every flag but the internal one, with its default', () => {
    for (const [name] of visible(serveFlags)) expect(serveHelp()).toContain(`--${name}`);
    for (const [name] of visible(devFlags)) expect(devHelp()).toContain(`--${name}`);
    expect(serveHelp()).not.toContain('--dev-child');
    expect(serveHelp()).toMatch(/--graceful-timeout=SECONDS {3,}How long[\s\S]*?Default: 30\./);
  });

  it('states the order of settings and the exit codes', () => {
    expect(serveHelp()).toContain('from the flag, then from the environment (--io is M2_IO), then from the default.');
    for (const code of Object.values(EXIT)) expect(serveHelp()).toMatch(new RegExp(`\\b${code} `));
  });

  it('is that of a command, or of m2', () => {
    expect(helpOf('serve')).toBe(serveHelp());
    expect(helpOf('dev')).toBe(devHelp());
    expect(helpOf('config')).toBe(configHelp());
    expect(helpOf('control')).toBe(controlHelp());
    expect(helpOf('constructor')).toBe(mainHelp());
    expect(helpOf('nothing')).toBe(mainHelp());
    expect(helpOf(undefined)).toBe(mainHelp());
  });
});
