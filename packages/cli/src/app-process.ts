import type { Clock, Logger } from '@m2/core';
import { EXIT } from './exit-codes.js';

/** A child process, as `node:child_process` makes it. */
export interface AppChild {
  kill(signal: 'SIGTERM' | 'SIGKILL'): boolean;
  on(event: 'exit', listener: (code: number | null, signal: string | null) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'message', listener: (message: unknown) => void): unknown;
}

/** Holds requests back. */
export interface RequestGate {
  /** New requests wait from now on. Idempotent. */
  hold(): void;
  /**
   * The app ended. In order: it has answered all that it got, and what it was sent and has not answered is kept for the next
   * one. Otherwise it is given up: it may have been begun, and nothing is run twice.
   */
  ended(inOrder: boolean): void;
  /** The next app is ready: what is kept and what waits is sent, and what comes is not held any more. Idempotent. */
  release(): void;
}

/** What runs the app's process. */
export interface AppProcessOptions {
  /** Starts the app anew. */
  readonly spawn: () => AppChild;
  /** Where requests wait while no app runs. */
  readonly gate: RequestGate;
  readonly logger: Logger;
  readonly clock: Clock;
  /** How long the app may take to end when it is asked to, in milliseconds; past it, and a second more, it is killed. */
  readonly graceMs: number;
}

/** How much longer than its grace time an app may take to be gone, in milliseconds. */
const KILL_AFTER_MS = 1000;

/**
 * The app in a process of its own, one at a time: a new one starts when the former has ended, so that requests wait at
 * the front in between. An app that ends by itself waits for the next change.
 */
export class AppProcess {
  private child: AppChild | undefined;
  private restart = false;
  private ending = false;
  private cancelKill = () => {};
  private startedAt = 0;
  private stopped: Promise<number> | undefined;
  private resolveStopped: (code: number) => void = () => {};

  constructor(private readonly options: AppProcessOptions) {}

  /** Starts the app. */
  start(): void {
    const { spawn, clock, gate } = this.options;
    gate.hold();
    this.startedAt = clock.now();
    this.ending = false;
    const child = spawn();
    this.child = child;
    child.on('message', (message) => this.message(message));
    child.on('error', (error) => this.ended(child, `could not be started or reached: ${error.message}`, EXIT.runtime));
    child.on('exit', (code, signal) =>
      this.ended(child, signal === null ? `ended with code ${code}` : `was ended by ${signal}`, code),
    );
  }

  /** A file changed: the app ends, then starts anew. */
  changed(path: string): void {
    if (this.stopped !== undefined) return;
    this.options.logger.info(`${path} changed: restarting the app.`);
    if (this.child === undefined) return this.start();
    this.restart = true;
    this.end();
  }

  /** Ends the app for good; resolves to its exit code, or 0 when it was not running. Idempotent. */
  stop(): Promise<number> {
    this.stopped ??= new Promise((resolve) => {
      this.resolveStopped = resolve;
      if (this.child === undefined) resolve(EXIT.clean);
      else this.end();
    });
    return this.stopped;
  }

  /** Ends it at once, finished or not. */
  kill(): void {
    this.child?.kill('SIGKILL');
  }

  private end(): void {
    // A second SIGTERM would force it.
    if (this.ending) return;
    this.ending = true;
    this.options.gate.hold();
    this.child?.kill('SIGTERM');
    this.cancelKill = this.options.clock.after(this.options.graceMs + KILL_AFTER_MS, () => {
      this.options.logger.warn('The app did not end in time: killing it.');
      this.kill();
    });
  }

  private message(message: unknown): void {
    if (message !== 'ready' || this.ending) return;
    this.options.gate.release();
    this.options.logger.info(`The app is ready after ${Math.round(this.options.clock.now() - this.startedAt)} ms.`);
  }

  private ended(child: AppChild, how: string, code: number | null): void {
    if (child !== this.child) return;
    this.child = undefined;
    this.options.gate.hold();
    this.options.gate.ended(code === EXIT.clean);
    this.cancelKill();
    if (this.stopped !== undefined) return this.resolveStopped(code ?? EXIT.runtime);
    if (this.restart) {
      this.restart = false;
      return this.start();
    }
    this.options.logger.error(`The app ${how}. Requests wait; it starts again when a file changes.`);
  }
}
