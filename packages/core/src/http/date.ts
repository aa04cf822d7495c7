import type { Clock } from '../clock.js';

/** The `Date` header's value, made at most once a second (RFC 9110 6.6.1). */
export class DateCache {
  private text = '';
  private fresh = false;

  constructor(private readonly clock: Clock) {}

  /** `Sun, 06 Nov 1994 08:49:37 GMT`, of this second. */
  value(): string {
    if (!this.fresh) {
      const now = this.clock.wall();
      this.text = new Date(now).toUTCString();
      this.fresh = true;
      this.clock.after(1000 - (now % 1000), () => {
        this.fresh = false;
      });
    }
    return this.text;
  }
}
