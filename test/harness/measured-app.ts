import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { LinkStats, ServeCounters } from '@m2/core';
import { within } from './deadline.js';

const SCRIPT = fileURLToPath(new URL('../fixtures/measured-app.mjs', import.meta.url));

/** What the app's process says of itself; sizes in bytes. */
export interface Measured {
  readonly rss: number;
  /** The most that `rss` ever was. */
  readonly peakRss: number;
  readonly heapUsed: number;
  readonly external: number;
  readonly arrayBuffers: number;
  readonly counters: ServeCounters;
  readonly links: readonly LinkStats[];
  /** Bytes that the app made, how often it was told to wait, and how often to go on. */
  readonly work: { readonly bytes: number; readonly waits: number; readonly drains: number };
}

/** The built packages and an app in a process of their own. */
export class MeasuredApp {
  private errors = '';

  private constructor(private readonly child: ChildProcess) {
    child.stderr?.on('data', (bytes: Buffer) => {
      this.errors = `${this.errors}${bytes.toString('utf8')}`.slice(-4000);
    });
  }

  /** Starts it and waits until it is connected. */
  static async start(kind: 'fetch' | 'node', connect: object): Promise<MeasuredApp> {
    const child = fork(SCRIPT, [JSON.stringify({ kind, connect })], {
      execArgv: ['--expose-gc'],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    const app = new MeasuredApp(child);
    try {
      if ((await app.says()) !== 'ready') throw new Error('The app said something else than ready.');
    } catch (error) {
      await app.kill();
      throw error;
    }
    return app;
  }

  /** What it measures now; after a collection of garbage if `collect`. */
  async measure(collect = false): Promise<Measured> {
    const answer = this.says();
    this.child.send(collect ? 'collect' : 'measure');
    return (await answer) as Measured;
  }

  /** Stops the server, and the process with it. */
  async stop(): Promise<void> {
    if (this.child.exitCode !== null || !this.child.connected) return;
    const exit = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.send('stop');
    try {
      await within(exit, () => `the app ends; it printed:\n${this.errors}`, 30_000);
    } finally {
      await this.kill();
    }
  }

  private async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exit = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill('SIGKILL');
    await exit;
  }

  private async says(): Promise<unknown> {
    const { child } = this;
    const answer = new Promise((resolve, reject) => {
      child.once('message', resolve);
      child.once('exit', (code) => reject(new Error(`The app ended with ${code}:\n${this.errors}`)));
    });
    return await within(answer, () => `the app answers; it printed:\n${this.errors}`, 30_000);
  }
}
