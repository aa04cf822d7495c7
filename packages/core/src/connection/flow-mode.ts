/** Whether Mongrel2 runs with `download.flow_control`. */
export type FlowMode = 'unknown' | 'on' | 'off';

/** How many connections must have come without a sign of flow control before it is taken to be off. */
const CONNECTIONS_WITHOUT_SIGN = 16;

/**
 * Finds out the server's mode. `DOWNLOAD_CREDITS` comes only with a TCP connection's first request, which may have gone
 * to another handler, so one request without it proves nothing; many connections without it, and without a single
 * credits notice after answers to them, do.
 */
export class FlowModeDetector {
  mode: FlowMode;
  private highest = -1;
  private without = 0;
  private readonly fixed: boolean;

  constructor(setting: 'auto' | 'on' | 'off') {
    this.mode = setting === 'auto' ? 'unknown' : setting;
    this.fixed = setting !== 'auto';
  }

  /** A credits notice, or a request with the key: it is on, and stays on. */
  sawCredits(): void {
    if (!this.fixed) this.mode = 'on';
  }

  /** A request without the key. Ids grow, so one above all others is most often a connection's first. */
  sawRequestWithout(id: number, answered: number): void {
    if (this.mode !== 'unknown' || id <= this.highest) return;
    this.highest = id;
    this.without++;
    if (this.without > CONNECTIONS_WITHOUT_SIGN && answered >= CONNECTIONS_WITHOUT_SIGN) this.mode = 'off';
  }

  /** The server was restarted, perhaps with another configuration. */
  reset(): void {
    if (this.fixed) return;
    this.mode = 'unknown';
    this.highest = -1;
    this.without = 0;
  }
}
