import type { FlagTable } from './parse-flags.js';

const WIDTH = 100;
const COLUMN = 36;

/** Breaks text into lines, the later ones indented to the column. */
function wrap(text: string, first: number): string {
  let line = ' '.repeat(Math.max(0, COLUMN - first));
  let length = Math.max(COLUMN, first);
  for (const word of text.split(' ')) {
    if (length + word.length + 1 > WIDTH) {
      line += `\n${' '.repeat(COLUMN)}`;
      length = COLUMN;
    }
    const gap = length === COLUMN ? '' : ' ';
    line += gap + word;
    length += gap.length + word.length;
  }
  return line;
}

/** The list of flags in a help text. */
export function flagLines(table: FlagTable): string {
  const lines: string[] = [];
  for (const [name, flag] of Object.entries(table)) {
    if (flag.internal === true) continue;
    const left = `  ${flag.short === undefined ? '    ' : `-${flag.short}, `}--${name}${flag.placeholder === undefined ? '' : `=${flag.placeholder}`}`;
    const fallback = flag.fallbackText === undefined ? '' : ` Default: ${flag.fallbackText}.`;
    const gap = left.length + 2 > COLUMN ? `\n${' '.repeat(COLUMN)}` : '';
    lines.push(`${left}${gap}${wrap(flag.help + fallback, gap === '' ? left.length : COLUMN)}`);
  }
  return lines.join('\n');
}
