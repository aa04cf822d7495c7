import { FLOW_WINDOW_BYTES } from '../limits.js';
import type { ResolvedOptions, ResolvedServer } from './options.js';

/** Whether Mongrel2 runs with `download.flow_control`. */
export type FlowMode = 'unknown' | 'on' | 'off';

/** How many connections must have come without a sign of flow control before it is taken to be off. */
const CONNECTIONS_WITHOUT_SIGN = 16;

/** How long a credits notice may be on its way, in milliseconds: what fits the window is in the kernel's hands at once. */
const NOTICE_MS = 250;

/** How many credits notices for connections that nobody here has are a sign of another handler; a former one leaves a few behind. */
const FOREIGN_NOTICES = 16;

/**
 * Finds out the server's mode. `DOWNLOAD_CREDITS` comes only with a TCP connection's first request, which may have gone
 * to another handler, so one request without it proves nothing; many connections without it, and without a single
 * credits notice after answers to them, do. So do the messages of one long answer that no notice follows: what is more
 * than the window waits for that.
 */
export class FlowModeDetector {
  mode: FlowMode;
  /** Requests that have ended. */
  answered = 0;
  private highest = -1;
  private without = 0;
  private foreign = 0;
  private readonly fixed: boolean;
  private cancel: (() => void) | undefined;

  /** `decided` is called when the mode is known that somebody waits for. */
  constructor(
    private readonly server: ResolvedServer,
    private readonly options: Pick<ResolvedOptions, 'clock' | 'logger'>,
    private readonly decided: () => void,
  ) {
    const { flowControl } = server;
    this.mode = flowControl === 'auto' ? 'unknown' : flowControl;
    this.fixed = flowControl !== 'auto';
  }

  /** A credits notice, or a request with the key: it is on, and stays on. `known`: somebody here has, or had, its connection. */
  sawCredits(known = true): void {
    if (!this.fixed) this.settle('on');
    if (!known && ++this.foreign === FOREIGN_NOTICES) this.warnOfOthers();
  }

  private warnOfOthers(): void {
    this.options.logger.warn(
      `${FOREIGN_NOTICES} credits notices from ${this.server.sendSpec} were for connections that were not answered here. If another ` +
        'handler is connected there too, Mongrel2 deals the notices round-robin, and answers stop when ' +
        `${FLOW_WINDOW_BYTES} bytes were sent on a connection: with download.flow_control connect one handler only.`,
    );
  }

  /** A client was sent all that is safe while the mode is not known: when no notice follows, it is off. */
  wait(): void {
    if (this.mode === 'unknown') this.cancel ??= this.options.clock.after(NOTICE_MS, () => this.settle('off'));
  }

  private settle(mode: 'on' | 'off'): void {
    this.mode = mode;
    if (this.cancel === undefined) return;
    this.stop();
    this.decided();
  }

  /** Nobody waits any more. */
  stop(): void {
    this.cancel?.();
    this.cancel = undefined;
  }

  /** A request without the key. Ids grow, so one above all others is most often a connection's first. */
  sawRequestWithout(id: number): void {
    if (this.mode !== 'unknown' || id <= this.highest) return;
    this.highest = id;
    this.without++;
    if (this.without > CONNECTIONS_WITHOUT_SIGN && this.answered >= CONNECTIONS_WITHOUT_SIGN) this.settle('off');
  }

  /** The server was restarted, perhaps with another configuration. */
  reset(): void {
    this.stop();
    this.answered = 0;
    this.foreign = 0;
    if (this.fixed) return;
    this.mode = 'unknown';
    this.highest = -1;
    this.without = 0;
  }
}
