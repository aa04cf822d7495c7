import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { capture } from './lib/capture.mjs';
import { projectRoot, readText } from './lib/files.mjs';

const flagsIn = (text: string) => new Set([...text.matchAll(/--[a-z][a-z-]+/g)].map(([flag]) => flag));

/** The part of docs/cli.md under a heading of the second level. */
function section(heading: string): string {
  const page = readText(projectRoot, 'docs/cli.md');
  const start = page.indexOf(`\n## ${heading}\n`);
  expect(start).toBeGreaterThan(-1);
  const end = page.indexOf('\n## ', start + 1);
  return page.slice(start, end === -1 ? undefined : end);
}

/** The list of flags in a command's help, without the examples in its text. */
async function helpOf(command: string): Promise<string> {
  const bin = join(projectRoot, 'packages/cli/bin/m2.js');
  const { code, output } = await capture(process.execPath, [bin, command, '--help'], {
    cwd: projectRoot,
    env: process.env,
    deadlineMs: 15_000,
  });
  expect({ code, output }).toMatchObject({ code: 0 });
  return output
    .split('\n')
    .filter((line) => /^\s+(?:-\w, )?--/.test(line))
    .join('\n');
}

describe('docs/cli.md', () => {
  it.each(['serve', 'dev', 'config', 'control'])('names the flags of m2 %s, all of them and no others', async (command) => {
    const shown = flagsIn((await helpOf(command)).replace(/(--[a-z-]+).*/g, '$1'));
    expect(shown.size).toBeGreaterThan(5);
    expect([...flagsIn(section(`m2 ${command}`))].sort()).toEqual([...shown].sort());
  });
});
