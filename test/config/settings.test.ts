import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SETTINGS, type SettingName } from '@m2/config';
import { describe, expect, it } from 'vitest';
import { hasMongrel2 } from '../harness/mongrel2.js';
import { startConfigured } from './support/configured.js';

describe.skipIf(!hasMongrel2)('the defaults of settings', () => {
  it('are those that Mongrel2 says it has when it starts without any', async () => {
    const mongrel2 = await startConfigured(({ port }) => ({
      dirs: { files: { base: 'files/' } },
      servers: [
        {
          uuid: 'main',
          port,
          bindAddr: '127.0.0.1',
          hosts: [
            {
              name: 'localhost',
              routes: {
                '/': { dir: 'files' },
                '/app': { handler: { sendSpec: 'ipc://run/send', recvSpec: 'ipc://run/recv', sendIdent: 'app' } },
              },
            },
          ],
        },
      ],
      settings: { 'server.daemonize': false },
      mimetypes: {},
    }));
    try {
      writeFileSync(join(mongrel2.chroot, 'files/index.html'), 'index');
      expect((await fetch(`http://127.0.0.1:${mongrel2.port}/`)).status).toBe(200);
      const said = new Map(
        [...mongrel2.log().matchAll(/\b([a-z]+\.[a-z_]+)=(\d+)\b/g)].map(([, name, value]) => [name, Number(value)]),
      );
      expect(said.size).toBeGreaterThan(12);
      const known = [...said.keys()].map((name) => [name, SETTINGS[name as SettingName]?.fallback]);
      expect(Object.fromEntries(known)).toEqual(Object.fromEntries(said));
    } finally {
      await mongrel2.stop();
    }
  });
});
