import { type ChildProcess, spawn } from 'node:child_process';
import { deferred, within } from './deadline.js';

/** A program that a test runs, and what it printed. */
export class Spawned {
  /** Both outputs, in the order they came. */
  output = '';
  private readonly child: ChildProcess;
  private readonly ending = deferred<number | NodeJS.Signals>();
  private ended = false;
  private watchers: (() => void)[] = [];

  constructor(
    command: string,
    args: readonly string[],
    options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {},
  ) {
    this.child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.on('data', (bytes: Buffer) => {
        this.output += bytes.toString('utf8');
        for (const watcher of this.watchers) watcher();
      });
    }
    this.child.once('error', (error) => this.ending.reject(error));
    this.child.once('close', (code, signal) => {
      this.ended = true;
      this.ending.resolve(code ?? signal ?? -1);
      for (const watcher of this.watchers) watcher();
    });
    // Whoever does not wait for the end learns of a failed start from what was not printed.
    this.ending.promise.catch(() => {});
  }

  /** Waits until the output has this text; fails at once when the program ends without it. */
  async prints(text: string): Promise<void> {
    const found = deferred();
    const look = (): void => {
      if (this.output.includes(text)) found.resolve();
      else if (this.ended) found.reject(new Error(`It ended without printing ${JSON.stringify(text)}:\n${this.output}`));
    };
    this.watchers.push(look);
    look();
    await within(found.promise, () => `${JSON.stringify(text)} is printed; it printed:\n${this.output}`, 20_000);
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Waits for its end: the exit code, or the signal that ended it. */
  async end(): Promise<number | NodeJS.Signals> {
    return await within(this.ending.promise, () => `the program ends; it printed:\n${this.output}`, 20_000);
  }

  /** Ends it for certain. Idempotent. */
  async stop(): Promise<void> {
    if (this.child.pid === undefined) return;
    this.child.kill('SIGKILL');
    await this.end();
  }
}
