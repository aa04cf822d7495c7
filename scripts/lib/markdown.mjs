/**
 * A fenced block of a markdown page. `line` is where its code starts, from 1. `notes` are the comments right before it:
 * `<!-- key: text -->` or `<!-- key -->`.
 * @typedef {{ language: string, code: string, line: number, notes: { key: string, text: string }[] }} Block
 */

const fence = /^(\s*)(`{3,}|~{3,})\s*(\w*)/;
const comment = /<!--\s*([a-z][a-z ]*?)\s*(?::\s*([\s\S]*?))?\s*-->/g;

/** The comments at the end of `text`, with nothing but blanks between and after. @param {string} text */
function trailingNotes(text) {
  const run = /(?:<!--(?:(?!-->)[\s\S])*-->\s*)+$/.exec(text)?.[0] ?? '';
  return [...run.matchAll(comment)].map(([, key = '', note = '']) => ({ key, text: note }));
}

/**
 * The fenced blocks of a page, in order.
 * @param {string} text
 * @returns {Block[]}
 */
export function blocksOf(text) {
  /** @type {Block[]} */
  const blocks = [];
  const lines = text.split('\n');
  let before = '';
  for (let index = 0; index < lines.length; index += 1) {
    const opening = fence.exec(/** @type {string} */ (lines[index]));
    if (!opening) {
      before += `${lines[index]}\n`;
      continue;
    }
    const [, indent = '', ticks = '', language = ''] = opening;
    const length = lines
      .slice(index + 1)
      .findIndex((line) => line.trim().startsWith(ticks) && line.trim().replaceAll(ticks[0] ?? '', '') === '');
    const end = length === -1 ? lines.length : index + 1 + length;
    const code = lines.slice(index + 1, end).map((line) => (line.startsWith(indent) ? line.slice(indent.length) : line));
    blocks.push({
      language: language.toLowerCase(),
      code: `${code.join('\n')}\n`,
      line: index + 2,
      notes: trailingNotes(before),
    });
    before = '';
    index = end;
  }
  return blocks;
}
