import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually } from '@m2/core/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWithMongrel2 } from '../../harness/describe.js';
import { Spawned } from '../../harness/spawned.js';
import { uploadPattern } from './big-upload.js';
import { FRAMINGS } from './sender.js';
import { STORED } from './serve-uploads.js';

const m2 = fileURLToPath(new URL('../../../packages/cli/bin/m2.js', import.meta.url));
const app = fileURLToPath(new URL('../../fixtures/measure-upload.mjs', import.meta.url));

const MB = 1024 * 1024;
/** What an upload may add to the memory of the process that reads it, however large it is. */
const GROWTH = 50 * MB;

/** Uploads of `total` bytes to `m2 serve`, a process of its own, whose memory is measured. */
export function bigUploads(total: number, ms: number): void {
  for (const [way, settings] of Object.entries({ stored: STORED, streamed: { 'upload.stream': 1 } })) {
    describeWithMongrel2(`${total / MB} MB to m2 serve, ${way}`, { settings, flowControl: true }, (given) => {
      let server: Spawned;
      const dir = () => join(given.mongrel2.chroot, 'uploads');
      beforeAll(async () => {
        const { sendSpec, recvSpec } = given.mongrel2.connect;
        server = new Spawned(process.execPath, [m2, 'serve', app, sendSpec, recvSpec, '--body-limit=0', `--upload-dir=${dir()}`]);
        await server.prints('subscription seen');
        // What any first uploads take: code, buffers, young garbage.
        for (const framing of FRAMINGS) await uploadPattern(given.mongrel2.port, '/', framing, 16 * MB);
      });
      afterAll(() => server?.stop());

      it.each(FRAMINGS)(
        '%s',
        async (framing) => {
          const { port } = given.mongrel2;
          const before = (await uploadPattern(port, '/', 'length', 1)).answer.peak;
          const { hash, answer } = await uploadPattern(port, '/', framing, total);
          expect([answer.size, answer.hash]).toEqual([total, hash]);
          expect(answer.peak - before).toBeLessThan(GROWTH);
          await eventually(() => readdirSync(dir()).length === 0, 'the file is gone');
        },
        ms,
      );
    });
  }
}
