/** How many messages, and how many bytes of them, wait while no peer can take any. */
export interface BacklogLimits {
  readonly messages: number;
  readonly bytes: number;
}

/** Messages that wait for a peer, oldest first. Bounded: what does not fit is refused, nothing is dropped. */
export class SendBacklog {
  private messages: (readonly Uint8Array[])[] = [];
  private at = 0;
  private bytes = 0;

  constructor(private readonly limits: BacklogLimits) {}

  get length(): number {
    return this.messages.length - this.at;
  }

  /** False: it is full, and nothing was taken. */
  push(parts: readonly Uint8Array[]): boolean {
    const size = parts.reduce((sum, part) => sum + part.length, 0);
    if (this.length >= this.limits.messages) return false;
    if (this.bytes > 0 && this.bytes + size > this.limits.bytes) return false;
    this.messages.push(parts);
    this.bytes += size;
    return true;
  }

  shift(): readonly Uint8Array[] | undefined {
    const parts = this.messages[this.at];
    if (parts === undefined) return undefined;
    this.bytes -= parts.reduce((sum, part) => sum + part.length, 0);
    this.at++;
    if (this.at === this.messages.length) {
      this.messages = [];
      this.at = 0;
    } else if (this.at >= 1024) {
      this.messages = this.messages.slice(this.at);
      this.at = 0;
    }
    return parts;
  }

  clear(): void {
    this.messages = [];
    this.at = 0;
    this.bytes = 0;
  }
}
