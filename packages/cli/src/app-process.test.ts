import { EventEmitter } from 'node:events';
import { ManualClock } from '@m2/core/testing';
import { describe, expect, it } from 'vitest';
import { Collector } from '../test/harness/fake-io.js';
import { AppProcess } from './app-process.js';
import { createLogger } from './cli-logger.js';

class FakeChild extends EventEmitter {
  readonly killed: string[] = [];

  kill(signal: string): boolean {
    this.killed.push(signal);
    return true;
  }
}

function setup() {
  const clock = new ManualClock();
  const log = new Collector();
  const children: FakeChild[] = [];
  const spawn = () => {
    const child = new FakeChild();
    children.push(child);
    return child;
  };
  const gate: string[] = [];
  const note = (what: string) => () => {
    if (gate.at(-1) !== what) gate.push(what);
  };
  const logger = createLogger({ sink: log, format: 'text', level: 'info', color: false, clock, pid: 1 });
  const app = new AppProcess({
    spawn,
    gate: { hold: note('hold'), ended: (inOrder) => void gate.push(inOrder ? 'in order' : 'broken'), release: note('release') },
    logger,
    clock,
    graceMs: 5000,
  });
  const child = (index: number): FakeChild => {
    const found = children[index];
    if (found === undefined) throw new Error(`child ${index} was not started`);
    return found;
  };
  return { app, clock, log, gate, children, child };
}

describe('AppProcess', () => {
  it('starts the app, and says when it is ready', () => {
    const { app, clock, log, child } = setup();
    app.start();
    clock.advance(40);
    child(0).emit('message', 'ready');
    expect(log.text).toContain('The app is ready after 40 ms.');
  });

  it('restarts after a change, once the former process has ended', () => {
    const { app, log, children, child } = setup();
    app.start();
    app.changed('app.mjs');
    app.changed('lib/b.mjs');
    expect(child(0).killed).toEqual(['SIGTERM']);
    expect(children).toHaveLength(1);
    child(0).emit('exit', 0, null);
    expect(children).toHaveLength(2);
    expect(log.text).toContain('app.mjs changed: restarting the app.');
    app.changed('app.mjs');
    expect(child(1).killed).toEqual(['SIGTERM']);
  });

  it('holds requests back from before an app is asked to end until the next one is ready', () => {
    const { app, gate, child } = setup();
    app.start();
    expect(gate).toEqual(['hold']);
    child(0).emit('message', 'ready');
    expect(gate).toEqual(['hold', 'release']);
    app.changed('app.mjs');
    child(0).emit('message', 'ready');
    expect(gate).toEqual(['hold', 'release', 'hold']);
    child(0).emit('exit', 0, null);
    child(1).emit('exit', 4, null);
    app.changed('app.mjs');
    expect(gate).toEqual(['hold', 'release', 'hold', 'in order', 'hold', 'broken', 'hold']);
    child(2).emit('message', 'ready');
    expect(gate.at(-1)).toBe('release');
  });

  it('waits for the next change when the app ends by itself', () => {
    const { app, log, children, child } = setup();
    app.start();
    child(0).emit('exit', 4, null);
    expect(log.text).toContain('error The app ended with code 4. Requests wait; it starts again when a file changes.');
    expect(children).toHaveLength(1);
    app.changed('app.mjs');
    expect(children).toHaveLength(2);
  });

  it('says when it could not be started or died by a signal', () => {
    const { app, log, child } = setup();
    app.start();
    child(0).emit('error', new Error('spawn failed'));
    expect(log.text).toContain('The app could not be started or reached: spawn failed.');
    app.changed('a.js');
    child(1).emit('exit', null, 'SIGSEGV');
    expect(log.text).toContain('The app was ended by SIGSEGV.');
  });

  it('kills an app that does not end in time', () => {
    const { app, clock, log, children, child } = setup();
    app.start();
    app.changed('app.mjs');
    clock.advance(5999);
    expect(child(0).killed).toEqual(['SIGTERM']);
    clock.advance(1);
    expect(child(0).killed).toEqual(['SIGTERM', 'SIGKILL']);
    expect(log.text).toContain('The app did not end in time: killing it.');
    child(0).emit('exit', null, 'SIGKILL');
    expect(children).toHaveLength(2);
    expect(clock.pending).toBe(0);
  });

  it('stops for good with the exit code, also in the middle of a restart', async () => {
    const { app, children, child } = setup();
    app.start();
    app.changed('app.mjs');
    const stopped = app.stop();
    expect(child(0).killed).toEqual(['SIGTERM']);
    child(0).emit('exit', 1, null);
    expect(await stopped).toBe(1);
    app.changed('app.mjs');
    expect(children).toHaveLength(1);
  });

  it('stops at once when nothing runs', async () => {
    const { app, child } = setup();
    app.start();
    child(0).emit('exit', 4, null);
    expect(await app.stop()).toBe(0);
  });
});
