import { M2Error } from '@m2/core';

/** Prefixes that a subscriber asked for, each with how often (RFC 29). Prefixes are latin1 texts, one character a byte. */
export class Subscriptions {
  private readonly counts = new Map<string, number>();

  /** @param most Different prefixes that are allowed. */
  constructor(private readonly most = Number.POSITIVE_INFINITY) {}

  get prefixes(): Iterable<string> {
    return this.counts.keys();
  }

  has(prefix: string): boolean {
    return this.counts.has(prefix);
  }

  /** @throws M2Error `M2_LIMIT_EXCEEDED` */
  add(prefix: string): void {
    const count = this.counts.get(prefix) ?? 0;
    if (count === 0 && this.counts.size >= this.most) {
      throw new M2Error('M2_LIMIT_EXCEEDED', `The peer subscribes to more than ${this.most} prefixes.`, {
        details: { limit: 'subscriptions' },
      });
    }
    this.counts.set(prefix, count + 1);
  }

  /** Takes back one `add()`. False when there was none. */
  remove(prefix: string): boolean {
    const count = this.counts.get(prefix);
    if (count === undefined) return false;
    if (count > 1) this.counts.set(prefix, count - 1);
    else this.counts.delete(prefix);
    return true;
  }

  /** Whether a message whose first frame is `first` is asked for. */
  match(first: Uint8Array): boolean {
    for (const prefix of this.counts.keys()) if (startsWith(first, prefix)) return true;
    return false;
  }
}

function startsWith(bytes: Uint8Array, prefix: string): boolean {
  if (bytes.length < prefix.length) return false;
  for (let at = 0; at < prefix.length; at++) if (bytes[at] !== prefix.charCodeAt(at)) return false;
  return true;
}
