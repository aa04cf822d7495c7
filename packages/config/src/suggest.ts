/** Changes of one character that make one text of the other. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, change));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

/** A blank and `Did you mean X?`, or nothing when nothing known is near. */
export function didYouMean(word: string, known: readonly string[]): string {
  const near = known
    .filter((candidate) => Math.abs(candidate.length - word.length) <= 3)
    .map((candidate) => ({ candidate, changes: distance(word.slice(0, 100), candidate) }))
    .sort((a, b) => a.changes - b.changes)[0];
  return near !== undefined && near.changes <= Math.max(2, Math.floor(word.length / 5)) ? ` Did you mean ${near.candidate}?` : '';
}
