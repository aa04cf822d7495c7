import { EventEmitter } from 'node:events';
import { type Clock, systemClock } from '@m2/core';
import type { CliIo } from '../../src/io.js';

/** A text sink that remembers, and that can be waited on. */
export class Collector {
  text = '';
  private readonly waiters = new Set<() => void>();

  constructor(readonly isTTY = false) {}

  write(piece: string): boolean {
    this.text += piece;
    for (const waiter of [...this.waiters]) waiter();
    return true;
  }

  /** Resolves once the text matches; rejects with all of it after ten seconds. */
  seen(pattern: RegExp): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const match = pattern.exec(this.text);
        if (match === null) return;
        clearTimeout(timer);
        this.waiters.delete(look);
        resolve(match);
      };
      const timer = setTimeout(() => {
        this.waiters.delete(look);
        reject(new Error(`${pattern} did not come within 10 s. So far:\n${this.text}`));
      }, 10_000);
      this.waiters.add(look);
      look();
    });
  }
}

/** An io whose signals a test sends with `events.emit('SIGINT')`. */
export interface FakeIo extends CliIo {
  readonly stdout: Collector;
  readonly stderr: Collector;
  readonly events: EventEmitter;
}

/** The io of a command that runs within a test; stderr is a terminal, so that logs are text. */
export function fakeIo(
  options: Partial<Pick<CliIo, 'env' | 'cwd' | 'importModule' | 'startChild' | 'notifyParent'>> & { clock?: Clock } = {},
): FakeIo {
  return {
    stdout: new Collector(),
    stderr: new Collector(true),
    env: { NO_COLOR: '1' },
    cwd: process.cwd(),
    pid: 4321,
    events: new EventEmitter(),
    clock: systemClock,
    ...options,
  };
}
