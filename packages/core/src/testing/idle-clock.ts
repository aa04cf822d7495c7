/** Mongrel2's limits of quiet connections, with its defaults (protocol 12). Times in seconds. */
export const idleDefaults = Object.freeze({ minPing: 120, minReadRate: 300, minWriteRate: 300, killLimit: 2, tickTimer: 10 });

/** What Mongrel2 knows of how busy one connection is (register.c:284). */
export class IdleClock {
  private lastPing: number;
  private lastRead: number;
  private lastWrite: number;
  private bytesRead = 0;
  private bytesWritten = 0;

  /** @param now seconds. */
  constructor(now: number) {
    this.lastPing = now;
    this.lastRead = now;
    this.lastWrite = now;
  }

  /** Parsed input, or a ctl keep-alive. Mongrel2's own writes do not count. */
  ping(now: number): void {
    this.lastPing = now;
  }

  read(bytes: number, now: number): void {
    this.bytesRead += bytes;
    this.lastRead = now;
    this.ping(now);
  }

  wrote(bytes: number, now: number): void {
    this.bytesWritten += bytes;
    this.lastWrite = now;
  }

  /** All three signs of life are missing: the connection is cut without a notice. */
  tooQuiet(now: number): boolean {
    const signs =
      Number(now - this.lastPing > idleDefaults.minPing) +
      Number(this.bytesRead / (now - this.lastRead + 1) < idleDefaults.minReadRate) +
      Number(this.bytesWritten / (now - this.lastWrite + 1) < idleDefaults.minWriteRate);
    return signs > idleDefaults.killLimit;
  }
}
