import { describe, expect, it } from 'vitest';
import type { selectionFlags } from './config-flags.js';
import type { FlagValues } from './parse-flags.js';
import { readServeConfig, splitServers } from './serve-config.js';

const values: FlagValues<typeof selectionFlags> = {
  config: undefined,
  handler: undefined,
  vhost: undefined,
  route: undefined,
  path: undefined,
  'all-handlers': false,
  chroot: undefined,
};

describe('splitServers', () => {
  it('tells addresses from names', () => {
    expect(splitServers(['main', 'tcp://127.0.0.1:9,tcp://127.0.0.1:8', '2f62bd5-9e59', 'ipc://run/a,ipc://run/b'])).toEqual({
      addresses: ['tcp://127.0.0.1:9,tcp://127.0.0.1:8', 'ipc://run/a,ipc://run/b'],
      names: ['main', '2f62bd5-9e59'],
    });
  });
});

describe('readServeConfig', () => {
  it('has nothing to do without a configuration', async () => {
    expect(await readServeConfig(values, [], { cwd: '/' })).toBeUndefined();
  });

  it.each(['handler', 'vhost', 'route', 'path'])('refuses --%s without a configuration', async (flag) => {
    await expect(readServeConfig({ ...values, [flag]: 'x' }, [], { cwd: '/' })).rejects.toMatchObject({
      code: 'M2_USAGE',
      message: `--${flag} chooses from a configuration, and there is none: add --config=FILE, Mongrel2's database.`,
    });
  });

  it('looks for the file from the current folder', async () => {
    await expect(readServeConfig({ ...values, config: 'none.sqlite' }, [], { cwd: '/nowhere' })).rejects.toMatchObject({
      code: 'M2_CONFIG_UNREADABLE',
      message: expect.stringContaining('/nowhere/none.sqlite does not exist'),
    });
  });
});
