import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { within } from '../harness/deadline.js';
import { describeWithMongrel2 } from '../harness/describe.js';
import { Spawned } from '../harness/spawned.js';
import { FRAMINGS, Sender } from './support/sender.js';
import { STORED } from './support/serve-uploads.js';

const path = (name: string) => fileURLToPath(new URL(`../../${name}`, import.meta.url));
const m2 = path('packages/cli/bin/m2.js');
const app = path('examples/upload-progress/app.js');

const HALF = 200_000;

interface Progress {
  readonly received: number;
  readonly total: number | null;
  readonly state: string;
  readonly sha256?: string;
}

/** The events of `/progress/<id>`, until one of them matches. */
class ProgressStream {
  private text = '';
  private constructor(private readonly reader: ReadableStreamDefaultReader<Uint8Array>) {}

  static async open(port: number, id: string): Promise<ProgressStream> {
    const response = await fetch(`http://127.0.0.1:${port}/progress/${id}`);
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream']);
    return new ProgressStream((response.body as ReadableStream<Uint8Array>).getReader());
  }

  async until(what: string, matches: (progress: Progress) => boolean): Promise<Progress> {
    for (;;) {
      const end = this.text.indexOf('\n\n');
      if (end >= 0) {
        const event = this.text.slice(0, end);
        this.text = this.text.slice(end + 2);
        const progress = event.startsWith('data: ') ? (JSON.parse(event.slice(6)) as Progress) : undefined;
        if (progress !== undefined && matches(progress)) return progress;
        continue;
      }
      const { value, done } = await within(this.reader.read(), what);
      if (done) throw new Error(`The events ended before this one: ${what}`);
      this.text += Buffer.from(value).toString();
    }
  }

  async ends(): Promise<void> {
    while (!(await within(this.reader.read(), 'the events end')).done);
  }
}

/** What the page does, in steps: the events say how far the app has read while the rest is held back. */
function cases(port: () => number): void {
  it('shows the page', async () => {
    const response = await fetch(`http://127.0.0.1:${port()}/`);
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(await response.text()).toContain('<h1>Upload with progress</h1>');
  });

  it.each(FRAMINGS)('tells how far it has read while the upload goes on: %s', async (framing) => {
    const id = `id-${framing}`;
    const events = await ProgressStream.open(port(), id);
    await events.until('nothing has come', ({ state }) => state === 'waiting');
    const sender = await Sender.begin(port(), `/upload/${id}`, framing, 2 * HALF);
    sender.send(HALF);
    const half = await events.until('half of it is read', ({ received }) => received === HALF);
    expect(half).toMatchObject({ state: 'receiving', total: framing === 'length' ? 2 * HALF : null });
    sender.finish();
    const { hash, size } = sender.summary;
    const done = { received: size, sha256: hash, state: 'done' };
    expect(await events.until('it is done', ({ state }) => state === 'done')).toMatchObject(done);
    expect(await sender.json()).toMatchObject(done);
    await events.ends();
    await sender.client.close();
  });

  it('tells when an upload breaks off', async () => {
    const events = await ProgressStream.open(port(), 'broken');
    const sender = await Sender.begin(port(), '/upload/broken', 'length', 2 * HALF);
    sender.send(HALF);
    await events.until('half of it is read', ({ received }) => received === HALF);
    await sender.client.reset();
    await events.until('it failed', ({ state }) => state === 'failed');
    await events.ends();
  });

  it('refuses what it does not know', async () => {
    const status = async (method: string, where: string) =>
      (await fetch(`http://127.0.0.1:${port()}${where}`, { method })).status;
    expect([await status('POST', '/upload/..%2f'), await status('GET', '/upload/x'), await status('GET', '/nowhere')]).toEqual([
      404, 404, 404,
    ]);
  });
}

describe('examples/upload-progress with m2 dev', () => {
  let dev: Spawned;
  let port = 0;
  beforeAll(async () => {
    dev = new Spawned(process.execPath, [m2, 'dev', app, '--port=0', '--body-limit=0']);
    await dev.prints('subscription seen');
    port = Number(/http:\/\/127\.0\.0\.1:(\d+)/.exec(dev.output)?.[1]);
  });
  afterAll(() => dev?.stop());
  cases(() => port);
});

for (const [way, settings] of Object.entries({ stored: STORED, streamed: { 'upload.stream': 1 } })) {
  describeWithMongrel2(`examples/upload-progress behind Mongrel2, ${way}`, { settings, flowControl: true }, (given) => {
    let server: Spawned;
    beforeAll(async () => {
      const { connect, chroot } = given.mongrel2;
      server = new Spawned(process.execPath, [
        m2,
        'serve',
        app,
        connect.sendSpec,
        connect.recvSpec,
        `--upload-dir=${chroot}/uploads`,
      ]);
      await server.prints('subscription seen');
    });
    afterAll(() => server?.stop());
    cases(() => given.mongrel2.port);
  });
}
