import { describe, expect, it } from 'vitest';
import { fakeIo } from '../test/harness/fake-io.js';
import { mainHelp, serveHelp } from './help.js';
import { main } from './main.js';

async function run(argv: string[], env: Record<string, string> = {}) {
  const io = fakeIo({ env });
  const code = await main(argv, io);
  return { code, out: io.stdout.text, err: io.stderr.text };
}

describe('m2', () => {
  it('shows its help and version on stdout', async () => {
    for (const argv of [['--help'], ['-h'], ['help']]) expect(await run(argv)).toEqual({ code: 0, out: mainHelp(), err: '' });
    for (const argv of [
      ['serve', '--help'],
      ['serve', 'x', '-h'],
      ['help', 'serve'],
    ]) {
      expect(await run(argv)).toEqual({ code: 0, out: serveHelp(), err: '' });
    }
    for (const argv of [['--version'], ['-v']]) {
      const { code, out } = await run(argv);
      expect([code, /^m2 \d+\.\d+\.\d+\S* \(node \d+/.test(out)]).toEqual([0, true]);
    }
  });

  it('shows its help on stderr and exits with 2 without a command', async () => {
    expect(await run([])).toEqual({ code: 2, out: '', err: mainHelp() });
  });

  it.each([
    [['srve', 'a.mjs'], 'There is no command "srve". Did you mean m2 serve? [M2_USAGE]\nRun m2 --help for the flags.'],
    [['./app.mjs'], 'The command is missing. Did you mean m2 dev ./app.mjs?'],
    [['./app.mjs', 'tcp://h:2'], 'The command is missing. Did you mean m2 serve ./app.mjs tcp://h:2?'],
    [['--verson'], 'There is no flag --verson before the command. Did you mean --version?'],
    [['serve'], 'The app and send_spec are missing'],
    [['serve', './app.mjs'], 'send_spec is missing'],
    [['serve', './app.mjs', 'tcp:/127.0.0.1:9'], '[M2_SPEC_INVALID]\nRun m2 serve --help for the flags.'],
    [['serve', './app.mjs', 'tcp://h:2', '--io'], '--io needs a value'],
    [['serve', './app.mjs', 'tcp://h:2', '--log-levl=warn'], 'Did you mean --log-level?'],
    [['dev'], 'The app is missing'],
    [['dev', 'a.mjs', '--port=70000'], '--port is "70000"; it must be a whole number from 0 to 65535.'],
    [['dev', 'a.mjs', 'tcp://h:2'], 'm2 dev takes no address'],
  ])('exits with 2 for %j, in one clear text without a stack', async (argv, text) => {
    const { code, out, err } = await run(argv);
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain(`m2: `);
    expect(err).toContain(text);
    expect(err).not.toMatch(/^\s+at /m);
  });

  it('prints the settings and where each is from, without loading the app', async () => {
    const { code, out, err } = await run(['serve', 'none.mjs', 'tcp://h:2', '--print-config', '--io=x'], {
      M2_LOG_LEVEL: 'warn',
    });
    expect([code, err]).toEqual([0, '']);
    expect(JSON.parse(out)).toMatchObject({
      command: 'serve',
      app: 'none.mjs',
      servers: [{ sendSpec: 'tcp://h:2', recvSpec: 'tcp://h:1', inferred: true }],
      settings: {
        io: { value: 'x', source: 'flag' },
        'log-level': { value: 'warn', source: 'environment' },
        'graceful-timeout': { value: 30_000, source: 'default' },
        'connect-timeout': { value: null, source: 'default' },
      },
    });
    expect(out).not.toContain('dev-child');
    expect(JSON.parse((await run(['dev', 'a.mjs', '--print-config'])).out)).toMatchObject({
      command: 'dev',
      settings: { port: { value: 8080 } },
    });
  });
});
