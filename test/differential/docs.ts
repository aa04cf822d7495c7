import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { KINDS } from './apps/kinds.js';
import { BEHAVIOURS } from './generate/cases.js';
import { KNOWN_DIFFERENCES, type KnownDifference } from './known-differences.js';
import type { KindReport } from './run.js';
import type { TargetId } from './targets/target.js';

const path = fileURLToPath(new URL('../../docs/compatibility.md', import.meta.url));
const COMMAND = 'npm run compatibility';

/** The sections that runs write, in order. */
const SECTIONS: readonly { readonly target: Exclude<TargetId, 'node'>; readonly title: string; readonly text: string }[] = [
  {
    target: 'mongrel2',
    title: 'Behind m2 and Mongrel2',
    text: 'Mongrel2 with `upload.stream` and `download.flow_control`, tnetstring headers.',
  },
  {
    target: 'front',
    title: "Behind m2 and m2's own front",
    text: 'The same with `@m2/front`, the front for trying and testing, in the place of Mongrel2.',
  },
  {
    target: 'bytes',
    title: 'On a server that only gets bytes',
    text:
      'A control without m2: the same app on an `http.Server` that never listens and is given each connection as a stream. ' +
      'What would differ here would be about sockets, not about m2.',
  },
];

/** Compares docs/compatibility.md with what a run of these targets gives; writes it instead with `M2_WRITE_DOCS=1`. */
export function checkDocs(reports: readonly KindReport[], targets: readonly TargetId[]): void {
  const committed = existsSync(path) ? readFileSync(path, 'utf8') : '';
  const fresh = render(committed, reports, targets);
  if (process.env.M2_WRITE_DOCS === '1') writeFileSync(path, fresh);
  else expect(committed, `docs/compatibility.md is not what this run gives. Write it anew: ${COMMAND}`).toBe(fresh);
}

/** The page; the sections of targets that did not run are as they were. */
function render(committed: string, reports: readonly KindReport[], targets: readonly TargetId[]): string {
  const sections = SECTIONS.map(({ target, title, text }) => {
    const begin = `<!-- begin ${target} -->`;
    const end = `<!-- end ${target} -->`;
    const body = targets.includes(target)
      ? `\n${grid(target, reports)}`
      : (committed.split(begin)[1]?.split(end)[0] ?? '\nNot run yet.\n');
    return `## ${title}\n\n${text}\n\n${begin}${body}${end}\n`;
  });
  return [INTRODUCTION, ...sections, differences()].join('\n');
}

const INTRODUCTION = `# Compatibility

What apps see behind m2, and what their clients get, compared with the same apps on \`node:http\` of Node 20.

A test runs one app of each kind in several places at once and sends the same requests to all of them, made from a seed: methods, bodies,
chunks, headers, ranges, errors, clients that leave. It compares what the client gets (status, reason, headers, body, trailers, interim answers,
whether the connection stays open) and what the app sees (method, URL, version, headers, body, the events of request and response, and what the
framework makes of them, such as \`req.ip\`). Whatever differs must be one of the differences at the end of this page, each of which must show; else the test fails.
Hono is compared with itself on \`@hono/node-server\`, and a plain fetch function with a \`(req, res)\` listener that does the same.

In the grid, *pass* is "the same in everything", *pass 3* is "the same but for difference 3", and *n/a* is what such an app cannot do.
Differences with a letter show in nearly every answer and are not repeated in the cells.

This page is written by the test: \`${COMMAND}\`. \`npm test\` fails when it is not what the test finds. How to run one case again is in the
message of a failure.
`;

const always = KNOWN_DIFFERENCES.filter((one) => one.always === true);
const numbered = KNOWN_DIFFERENCES.filter((one) => one.always !== true);

/** A letter for what shows everywhere, a number for the rest. */
function labelOf(one: KnownDifference): string {
  const letter = always.indexOf(one);
  return letter >= 0 ? String.fromCharCode(65 + letter) : `${numbered.indexOf(one) + 1}`;
}

function grid(target: TargetId, reports: readonly KindReport[]): string {
  const columns = KINDS.map((kind) => ({ kind, report: reports.find((report) => report.kind === kind) }));
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`;
  const rows = BEHAVIOURS.map(({ id, title }) =>
    row([title, ...columns.map(({ report }) => cell(report?.cells.get(target)?.get(id)?.known))]),
  );
  const requests = columns.map(({ report }) => `${report?.cells.has(target) === true ? report.requests : 0}`);
  return [
    row(['', ...KINDS.map(({ title }) => title)]),
    row(['---', ...KINDS.map(() => '---')]),
    ...rows,
    row(['requests', ...requests]),
    '\n',
  ].join('');
}

function cell(known: ReadonlySet<KnownDifference> | undefined): string {
  if (known === undefined) return 'n/a';
  const numbers = numbered.filter((one) => known.has(one)).map(labelOf);
  return numbers.length === 0 ? 'pass' : `pass ${numbers.join(', ')}`;
}

function differences(): string {
  const line = (one: KnownDifference): string => {
    const where =
      one.targets.length === 1 ? (one.targets[0] === 'mongrel2' ? ' Only with Mongrel2.' : ' Only with the front.') : '';
    return `| ${labelOf(one)} | ${one.what} | ${one.why}${where} |\n`;
  };
  return ['## Differences\n\n', '| | what | why |\n', '|---|---|---|\n', ...[...always, ...numbered].map(line)].join('');
}
