/*
 * Mongrel2's patterns in routes and hosts. They are like Lua's, with a backslash where Lua has a percent sign, and parentheses only mark
 * where a pattern begins: they capture nothing. Written from how Mongrel2 behaves; the tests ask the real one.
 */

/** Steps that one match may take: a pattern such as `(.*)*` would else be tried for ever. */
const MAX_STEPS = 1_000_000;

const BACKSLASH = 0x5c;

const isUpper = (c: number) => c >= 0x41 && c <= 0x5a;
const isLower = (c: number) => c >= 0x61 && c <= 0x7a;
const isDigit = (c: number) => c >= 0x30 && c <= 0x39;
const isAlnum = (c: number) => isUpper(c) || isLower(c) || isDigit(c);

const CLASSES: Readonly<Record<string, (c: number) => boolean>> = {
  a: (c) => isUpper(c) || isLower(c),
  c: (c) => c < 0x20 || c === 0x7f,
  d: isDigit,
  l: isLower,
  p: (c) => c > 0x20 && c < 0x7f && !isAlnum(c),
  s: (c) => c === 0x20 || (c >= 0x09 && c <= 0x0d),
  u: isUpper,
  w: isAlnum,
  x: (c) => isDigit(c) || (c >= 0x41 && c <= 0x46) || (c >= 0x61 && c <= 0x66),
  z: (c) => c === 0,
};

/** Whether a character is of the class that a letter after a backslash names; a capital means the opposite. */
function inClass(c: number, letter: number): boolean {
  const known = CLASSES[String.fromCharCode(letter).toLowerCase()];
  if (known === undefined) return c === letter;
  return isLower(letter) ? known(c) : !known(c);
}

/** Matches texts with one pattern. Characters are bytes: both are latin1. */
class Matcher {
  private steps = MAX_STEPS;

  constructor(
    private readonly text: string,
    private readonly pattern: string,
    /** How much of the text counts. */
    private readonly end: number,
  ) {}

  /** Where the item that begins at `p` ends. */
  private itemEnd(p: number): number {
    const { pattern } = this;
    const c = pattern.charCodeAt(p);
    if (c === BACKSLASH) return p + 2;
    if (c !== 0x5b) return p + 1;
    let at = p + 1;
    if (pattern[at] === '^') at++;
    do {
      if (at >= pattern.length) return pattern.length;
      at += pattern.charCodeAt(at) === BACKSLASH ? 2 : 1;
    } while (at < pattern.length && pattern[at] !== ']');
    return at + 1;
  }

  /** Whether a character is in the set `[...]` whose `]` is at `last`. */
  private inSet(c: number, p: number, last: number): boolean {
    const { pattern } = this;
    let at = p + 1;
    const wanted = pattern[at] !== '^';
    if (!wanted) at++;
    for (; at < last; at++) {
      const first = pattern.charCodeAt(at);
      if (first === BACKSLASH) {
        at++;
        if (inClass(c, pattern.charCodeAt(at))) return wanted;
      } else if (pattern[at + 1] === '-' && at + 2 < last) {
        at += 2;
        if (first <= c && c <= pattern.charCodeAt(at)) return wanted;
      } else if (first === c) return wanted;
    }
    return !wanted;
  }

  private one(s: number, p: number, itemEnd: number): boolean {
    if (s >= this.end) return false;
    const c = this.text.charCodeAt(s);
    const { pattern } = this;
    switch (pattern[p]) {
      case '.':
        return true;
      case '\\':
        return inClass(c, pattern.charCodeAt(p + 1));
      case '[':
        return this.inSet(c, p, itemEnd - 1);
      default:
        return pattern.charCodeAt(p) === c;
    }
  }

  /** `\bxy`: from an x to the y that balances it. */
  private balanced(s: number, p: number): number {
    const { text, pattern, end } = this;
    if (s >= end || text[s] !== pattern[p]) return -1;
    let depth = 1;
    for (let at = s + 1; at < end; at++) {
      if (text[at] === pattern[p + 1]) {
        depth--;
        if (depth === 0) return at + 1;
      } else if (text[at] === pattern[p]) depth++;
    }
    return -1;
  }

  /** `\f[set]`: between a character that is not of the set and one that is. Returns the end of the item, or -1. */
  private frontier(s: number, p: number): number {
    const itemEnd = this.itemEnd(p);
    const before = s === 0 ? 0 : this.text.charCodeAt(s - 1);
    // Past the end Mongrel2 looks at whatever byte follows: the NUL after a path, but the next character where the text was cut.
    const here = s < this.text.length ? this.text.charCodeAt(s) : 0;
    return !this.inSet(before, p, itemEnd - 1) && this.inSet(here, p, itemEnd - 1) ? itemEnd : -1;
  }

  private repeated(s: number, p: number, itemEnd: number, least: number): boolean {
    let count = 0;
    while (this.one(s + count, p, itemEnd)) count++;
    for (; count >= least; count--) if (this.match(s + count, itemEnd + 1)) return true;
    return false;
  }

  match(from: number, at: number): boolean {
    const { pattern } = this;
    let s = from;
    let p = at;
    for (;;) {
      if (--this.steps < 0) return false;
      const c = pattern[p];
      if (c === undefined) return true;
      if (c === '(' || c === ')') {
        p++;
        continue;
      }
      if (c === '\\' && (pattern[p + 1] === 'b' || pattern[p + 1] === 'f')) {
        const balanced = pattern[p + 1] === 'b';
        const next = balanced ? this.balanced(s, p + 2) : this.frontier(s, p + 2);
        if (next === -1) return false;
        if (balanced) s = next;
        p = balanced ? p + 4 : next;
        continue;
      }
      if (c === '$' && p + 1 === pattern.length) return s === this.end;
      const itemEnd = this.itemEnd(p);
      switch (pattern[itemEnd]) {
        case '?':
          if (this.one(s, p, itemEnd) && this.match(s + 1, itemEnd + 1)) return true;
          p = itemEnd + 1;
          continue;
        case '*':
          return this.repeated(s, p, itemEnd, 0);
        case '+':
          return this.repeated(s, p, itemEnd, 1);
        case '-':
          while (!this.match(s, itemEnd + 1)) {
            if (!this.one(s, p, itemEnd)) return false;
            s++;
          }
          return true;
        default:
          if (!this.one(s, p, itemEnd)) return false;
          s++;
          p = itemEnd;
      }
    }
  }
}

/**
 * Whether the text begins with what the pattern says, as Mongrel2 sees it. `end`: how many characters of the text count.
 * A pattern that would take more than a million steps does not match.
 */
export const matchesPattern = (text: string, pattern: string, end: number = text.length): boolean =>
  new Matcher(text, pattern, end).match(0, 0);

/** What is wrong with a route's or host's pattern; undefined when nothing is. */
export function patternProblem(pattern: string): string | undefined {
  let depth = 0;
  for (let at = 0; at < pattern.length; at++) {
    const c = pattern[at];
    if (c === '\\') {
      const letter = pattern[at + 1];
      if (letter === undefined) return 'it ends with a backslash';
      if (letter === 'b' && pattern.length < at + 4) return '\\b needs two characters, such as \\b()';
      if (letter === 'f' && pattern[at + 2] !== '[') return '\\f is followed by a set, such as \\f[a-z]';
      at += letter === 'b' ? 3 : 1;
    } else if (c === '[') {
      const close = setEnd(pattern, at);
      if (close === -1) return 'a [ has no ]';
      at = close;
    } else if (c === '(') depth++;
    else if (c === ')') {
      depth--;
      if (depth < 0) return 'a ) has no (';
    }
  }
  return depth > 0 ? 'a ( has no )' : undefined;
}

/** Where the set that begins at `at` has its `]`; -1 when it has none. */
function setEnd(pattern: string, at: number): number {
  let cursor = at + 1;
  if (pattern[cursor] === '^') cursor++;
  do {
    if (cursor >= pattern.length) return -1;
    cursor += pattern[cursor] === '\\' ? 2 : 1;
  } while (cursor < pattern.length && pattern[cursor] !== ']');
  return cursor < pattern.length ? cursor : -1;
}
