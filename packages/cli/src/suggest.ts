/** Edits (insert, delete, replace, swap of neighbours) that make `from` into `to`. */
export function editDistance(from: string, to: string): number {
  let before: number[] = [];
  let row = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1);
      let best = Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1);
      if (i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1])
        best = Math.min(best, (before[j - 2] ?? 0) + 1);
      next.push(best);
    }
    before = row;
    row = next;
  }
  return row[to.length] ?? 0;
}

/** The known word that was probably meant, if one is near: a quarter of its letters may differ, at most three. */
export function suggest(word: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const candidate of known) {
    const completes = word.length >= 3 && candidate.startsWith(word);
    const distance = completes ? 1 : editDistance(word.toLowerCase(), candidate);
    if (distance < least && (completes || distance <= Math.min(3, Math.floor(candidate.length / 4) || 1))) {
      best = candidate;
      least = distance;
    }
  }
  return best;
}

/** ` Did you mean --port?`, or nothing. */
export function didYouMean(word: string, known: readonly string[], prefix = ''): string {
  const found = suggest(word, known);
  return found === undefined ? '' : ` Did you mean ${prefix}${found}?`;
}
