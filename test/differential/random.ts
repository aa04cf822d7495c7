/** Random numbers that a seed decides, so that any case can be made again. */
export class Random {
  private state: number;

  /** Every seed, a text, has its own sequence. */
  constructor(seed: string) {
    let hash = 0x811c9dc5;
    for (let at = 0; at < seed.length; at++) hash = Math.imul(hash ^ seed.charCodeAt(at), 0x01000193);
    this.state = hash >>> 0;
  }

  /** A number from 0 up to, not including, 1 (mulberry32). */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  }

  /** A whole number from `low` to `high`, both included. */
  int(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  /** True in `share` of all calls. Default: half. */
  chance(share = 0.5): boolean {
    return this.next() < share;
  }

  /** One of the values. */
  pick<T>(values: readonly T[]): T {
    return values[this.int(0, values.length - 1)] as T;
  }

  /** `count` values that `make` makes. */
  list<T>(count: number, make: (index: number) => T): T[] {
    return Array.from({ length: count }, (_, index) => make(index));
  }

  /** A text of `length` characters out of `alphabet`. */
  text(length: number, alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789'): string {
    let text = '';
    for (let at = 0; at < length; at++) text += alphabet.charAt(this.int(0, alphabet.length - 1));
    return text;
  }

  /** The text with the case of its letters tossed. */
  oddCase(text: string): string {
    return [...text].map((letter) => (this.chance() ? letter.toUpperCase() : letter.toLowerCase())).join('');
  }

  /** Cuts a total into `count` parts of one or more each; fewer parts where the total is smaller. */
  parts(total: number, count: number): number[] {
    const parts: number[] = [];
    let left = total;
    for (let more = count; more > 1 && left > more; more--) {
      const part = this.int(1, left - more + 1);
      parts.push(part);
      left -= part;
    }
    if (left > 0) parts.push(left);
    return parts;
  }
}
