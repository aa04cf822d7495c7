/** @typedef {string | number} Cell */

/**
 * Rows as a Markdown table whose columns are aligned for reading.
 * @param {readonly string[]} header @param {readonly (readonly Cell[])[]} rows
 */
export function table(header, rows) {
  const widths = header.map((name, column) => Math.max(name.length, ...rows.map((row) => String(row[column]).length)));
  const line = (/** @type {readonly Cell[]} */ cells) =>
    `| ${cells.map((cell, column) => String(cell).padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [line(header), `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`, ...rows.map(line)].join('\n');
}
