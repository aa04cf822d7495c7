import { M2Error, type Server } from '@m2/core';
import type { CliLogger } from './cli-logger.js';
import { EXIT, exitCodeOf, exitCodeOfSignal } from './exit-codes.js';
import type { CliIo } from './io.js';
import { KeyPress } from './key-press.js';
import { watchSubscription } from './subscription-watch.js';

/** A server to be run to its end. */
export interface SuperviseOptions {
  readonly server: Server;
  readonly io: Pick<CliIo, 'events' | 'clock' | 'notifyParent'>;
  readonly logger: CliLogger;
  /** The backend's name, for messages. */
  readonly backend: string;
  /** When the sockets began to be set up, by the clock. */
  readonly startedAt: number;
  /** How long open requests may take to finish, in milliseconds. */
  readonly graceMs: number;
  /** Give up when the reply path does not work by then, in milliseconds. Default: never. */
  readonly connectTimeoutMs?: number | undefined;
  /** The recv_specs that were inferred. */
  readonly inferred: ReadonlySet<string>;
  /** End when the parent process is gone. */
  readonly endWithParent?: boolean;
}

/** How often the drain says what it waits for, in milliseconds. */
const PROGRESS_MS = 5000;
/** How long closing may take after the grace time, in milliseconds: a handler's `close()` may hang. */
const CLOSE_MS = 5000;
/** How long a forced stop may take: enough to flush what is written, in milliseconds. */
const FORCED_MS = 2500;
/** Errors outside of requests that are logged one by one. */
const CRASHES_LOGGED = 10;

const counted = (count: number): string => `${count} open request${count === 1 ? '' : 's'}`;

/**
 * Runs a server until a signal, an error or its own end stops it. Resolves to the exit code; never exits by itself. The
 * first SIGINT or SIGTERM drains, the second forces; SIGHUP reloads where the backend can.
 */
export function supervise(options: SuperviseOptions): Promise<number> {
  return new Supervision(options).run();
}

class Supervision {
  private state: 'serving' | 'draining' | 'forced' = 'serving';
  private code: number = EXIT.clean;
  /** It never served: there is nothing to say about what was open. */
  private failed = false;
  private crashes = 0;
  private readonly keyPress: KeyPress;
  private readonly cancels: (() => void)[] = [];
  private finish: (code: number) => void = () => {};

  constructor(private readonly options: SuperviseOptions) {
    this.keyPress = new KeyPress(options.io.clock);
  }

  async run(): Promise<number> {
    const { server, io, logger, inferred, endWithParent } = this.options;
    const finished = new Promise<number>((resolve) => {
      this.finish = resolve;
    });
    // A backend's own timers and sockets need not keep the process alive while it drains; this does.
    const hold = setInterval(() => {}, 0x7fffffff);
    try {
      this.listen('SIGINT', () => this.signal('SIGINT'));
      this.listen('SIGTERM', () => this.signal('SIGTERM'));
      this.listen('SIGHUP', () => void this.reload());
      this.listen('uncaughtException', (error) => this.crash('An error was thrown outside of any request', error));
      this.listen('unhandledRejection', (error) => this.crash('A promise was rejected and nobody handled it', error));
      if (endWithParent === true) this.listen('disconnect', () => this.orphaned());
      this.cancels.push(watchSubscription({ server, logger, clock: io.clock, inferred }));
      this.awaitReady();
      void server.closed.then(() => this.closed());
      return await finished;
    } finally {
      clearInterval(hold);
      for (const cancel of this.cancels) cancel();
    }
  }

  private listen(event: string, listener: (...args: unknown[]) => void): void {
    const { events } = this.options.io;
    events.on(event, listener);
    this.cancels.push(() => events.off(event, listener));
  }

  private after(ms: number, callback: () => void): void {
    this.cancels.push(this.options.io.clock.after(ms, callback));
  }

  // --- starting -----------------------------------------------------------------------------------------------------

  private awaitReady(): void {
    const { server, io, logger, startedAt, connectTimeoutMs } = this.options;
    let ready = false;
    server.ready.then(
      () => {
        ready = true;
        const ms = Math.round(io.clock.now() - startedAt);
        const from = server.stats().links.map(({ recvSpec }) => recvSpec);
        logger.info(`Ready: subscription seen from ${from.join(' and ')} after ${ms} ms.`);
        io.notifyParent?.('ready');
      },
      (error: unknown) => this.fail(error),
    );
    if (connectTimeoutMs === undefined) return;
    this.after(connectTimeoutMs, () => {
      if (ready || this.state !== 'serving') return;
      const missing = server.stats().links.filter(({ up }) => !up);
      const specs = missing.map(({ sendSpec, recvSpec }) => `send_spec ${sendSpec}, recv_spec ${recvSpec}`).join('; ');
      this.fail(
        new M2Error(
          'M2_CONNECT_TIMEOUT',
          `No subscription was seen within the connect timeout of ${connectTimeoutMs / 1000} s (${specs}): is Mongrel2 running, and are ` +
            "both addresses those of the handler's row in its configuration? See --connect-timeout.",
        ),
      );
    });
  }

  /** It cannot go on: closes and ends with the error's exit code. */
  private fail(error: unknown): void {
    if (this.state !== 'serving') return;
    this.options.logger.error(error instanceof Error ? error.message : String(error), { error });
    this.code = exitCodeOf(error);
    this.failed = true;
    this.stop(0);
  }

  private closed(): void {
    if (this.state !== 'serving') return;
    this.options.logger.error(`The backend ${this.options.backend} ended by itself.`);
    this.finish(EXIT.runtime);
  }

  // --- stopping -----------------------------------------------------------------------------------------------------

  private signal(signal: 'SIGINT' | 'SIGTERM'): void {
    if (this.keyPress.isEcho(signal)) return;
    if (this.state === 'serving') return this.drain(signal);
    const code = exitCodeOfSignal(signal);
    if (this.state === 'forced') return this.finish(code);
    this.state = 'forced';
    this.code = code;
    this.options.logger.warn(`${signal} again: closing now, ${counted(this.open())} cut off.`);
    this.after(FORCED_MS, () => this.finish(code));
    void this.options.server.stop({ graceMs: 0 });
  }

  private orphaned(): void {
    this.options.logger.warn('The process that started this one is gone.');
    this.drain('No parent');
  }

  private open(): number {
    const { inFlight, queued } = this.options.server.stats();
    return inFlight + queued;
  }

  private drain(why: string): void {
    if (this.state !== 'serving') return;
    const { logger, graceMs } = this.options;
    const open = this.open();
    const wait =
      open === 0 ? 'nothing is open' : `waiting up to ${graceMs / 1000} s for ${counted(open)}; a second signal forces`;
    logger.info(`${why}: stopping, ${wait}.`);
    this.progress(graceMs);
    this.stop(graceMs);
  }

  private progress(leftMs: number): void {
    this.after(PROGRESS_MS, () => {
      const left = leftMs - PROGRESS_MS;
      if (this.state !== 'draining' || left <= 0) return;
      this.options.logger.info(`Still waiting for ${counted(this.open())}, ${left / 1000} s left; a second signal forces.`);
      this.progress(left);
    });
  }

  private stop(graceMs: number): void {
    const { server, logger } = this.options;
    this.state = 'draining';
    this.after(graceMs + CLOSE_MS, () => {
      logger.error('Closing took too long; something in the app or the backend hangs.');
      this.finish(this.code === EXIT.clean ? EXIT.runtime : this.code);
    });
    server.stop({ graceMs }).then(
      ({ unfinished }) => this.stopped(unfinished),
      (error: unknown) => {
        logger.error('The server could not be stopped in order.', { error });
        this.finish(this.code === EXIT.clean ? EXIT.runtime : this.code);
      },
    );
  }

  private stopped(unfinished: number): void {
    const { logger, graceMs } = this.options;
    if (this.state === 'draining' && !this.failed) {
      if (unfinished === 0) logger.info('Stopped: everything was answered.');
      else logger.error(`Cut off after the graceful timeout of ${graceMs / 1000} s: ${counted(unfinished)}.`);
    }
    this.finish(unfinished > 0 && this.code === EXIT.clean ? EXIT.runtime : this.code);
  }

  // --- while serving ------------------------------------------------------------------------------------------------

  private async reload(): Promise<void> {
    const { server, logger, backend } = this.options;
    if (server.reload === undefined) {
      logger.warn(
        `SIGHUP: --io=${backend} cannot reload, going on with the app as it is. A backend with workers can (--io=threads); ` +
          'otherwise start a new m2, then stop this one with SIGTERM.',
      );
      return;
    }
    try {
      logger.info('SIGHUP: reloading.');
      await server.reload();
      logger.info('Reloaded.');
    } catch (error) {
      logger.error('The reload failed; the former code serves on.', { error });
    }
  }

  /** What the app's state is after such an error nobody knows: what is open may finish, then a fresh process is better. */
  private crash(what: string, error: unknown): void {
    if (++this.crashes <= CRASHES_LOGGED) this.options.logger.error(`${what}; stopping, the exit code will be 1.`, { error });
    if (this.code === EXIT.clean) this.code = EXIT.runtime;
    this.drain('Error in the app');
  }
}
