import type { Clock, Logger, Server } from '@m2/core';

/** The first look for a subscription that did not come, and the time between later ones, in milliseconds. */
const FIRST_MS = 5000;
const LATER_MS = 10_000;

/** What is watched. */
export interface SubscriptionWatchOptions {
  readonly server: Pick<Server, 'stats'>;
  readonly logger: Logger;
  readonly clock: Clock;
  /** The recv_specs that were inferred, as `stats()` shows them. */
  readonly inferred: ReadonlySet<string>;
}

/** Warns while a Mongrel2 server is not there: after 5 seconds, then every 10. The returned function ends it. */
export function watchSubscription({ server, logger, clock, inferred }: SubscriptionWatchOptions): () => void {
  const start = clock.now();
  let cancel = () => {};
  const look = () => {
    for (const { up, epoch, sendSpec, recvSpec } of server.stats().links) {
      if (up) continue;
      if (epoch > 0) {
        logger.warn(`No subscription from ${recvSpec} since Mongrel2 went away: is it running again?`);
        continue;
      }
      const seconds = Math.round((clock.now() - start) / 1000);
      const note = inferred.has(recvSpec)
        ? ` m2 inferred it as send_spec's port - 1 (send_spec is ${sendSpec}).`
        : ` send_spec is ${sendSpec}.`;
      logger.warn(
        `No subscription seen from ${recvSpec} after ${seconds} s: is Mongrel2 running, and is recv_spec right?${note}`,
      );
    }
    cancel = clock.after(LATER_MS, look);
  };
  cancel = clock.after(FIRST_MS, look);
  return () => cancel();
}
