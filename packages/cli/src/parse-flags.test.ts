import { describe, expect, it } from 'vitest';
import { devFlags, serveFlags } from './flags.js';
import { parseFlags } from './parse-flags.js';

const usage = (message: string | RegExp) =>
  expect.objectContaining({ code: 'M2_USAGE', message: expect.stringMatching(message) });
const failure = (argv: string[], env: Record<string, string> = {}) => {
  try {
    parseFlags(serveFlags, argv, env);
  } catch (error) {
    return error;
  }
  return undefined;
};

describe('parseFlags', () => {
  it('prefers the flag, then the environment, then the default, and says which it was', () => {
    const env = { M2_IO: 'from-env', M2_LOG_LEVEL: 'debug', M2_GRACEFUL_TIMEOUT: '' };
    const { values, sources } = parseFlags(serveFlags, ['--io=from-flag'], env);
    expect(values).toMatchObject({ io: 'from-flag', 'log-level': 'debug', 'graceful-timeout': 30_000 });
    expect(sources).toMatchObject({ io: 'flag', 'log-level': 'environment', 'graceful-timeout': 'default' });
  });

  it('takes flags between and after words, with = or a blank, and -- before a word with dashes', () => {
    const { values, positionals } = parseFlags(
      serveFlags,
      ['app.mjs', '--io', 'async', 'tcp://h:2', '--log-level=warn', '--', '-x'],
      {},
    );
    expect(positionals).toEqual(['app.mjs', 'tcp://h:2', '-x']);
    expect(values).toMatchObject({ io: 'async', 'log-level': 'warn' });
  });

  it('collects --server, and splits its variable at blanks', () => {
    expect(parseFlags(serveFlags, ['--server=a,b', '--server', 'c'], {}).values.server).toEqual(['a,b', 'c']);
    expect(parseFlags(serveFlags, [], { M2_SERVER: ' a,b  c ' }).values.server).toEqual(['a,b', 'c']);
  });

  it('lets the last of a repeated flag win', () => {
    expect(parseFlags(serveFlags, ['--io=a', '--io=b'], {}).values.io).toBe('b');
  });

  it('reads seconds into milliseconds, bytes with units, and switches with a value', () => {
    const { values } = parseFlags(serveFlags, ['--graceful-timeout=1.5', '--connect-timeout=0', '--max-queue-bytes=2MiB'], {});
    expect(values).toMatchObject({ 'graceful-timeout': 1500, 'connect-timeout': 0, 'max-queue-bytes': 2 * 1024 * 1024 });
    expect(parseFlags(devFlags, ['--watch'], {}).values.watch).toBe(true);
    expect(parseFlags(devFlags, ['--watch=false'], { M2_WATCH: '1' }).values.watch).toBe(false);
    expect(parseFlags(devFlags, [], { M2_WATCH: 'yes' }).values.watch).toBe(true);
  });

  it.each([
    [['--grace-timeout=3'], 'There is no flag --grace-timeout. Did you mean --graceful-timeout\\?'],
    [['--lo-level=3'], 'Did you mean --log-level\\?'],
    [['--constructor'], 'There is no flag --constructor\\.$'],
    [['--dev-chil'], 'There is no flag --dev-chil\\.$'],
    [['-x'], 'There is no flag -x\\.'],
    [['--io'], '--io needs a value: --io=NAME\\|MODULE\\.'],
    [['--io', '--log-level=warn'], '--io needs a value'],
    [['--io='], '--io is ""; it must be some text, not empty\\.'],
    [['--log-level=warning'], '--log-level is "warning"; it must be one of debug, info, warn, error, silent\\.'],
    [['--log-level=wran'], 'Did you mean warn\\?'],
    [['--graceful-timeout=soon'], '--graceful-timeout is "soon"; it must be a number of seconds from 0 to 86400\\.'],
    [['--graceful-timeout=-1'], 'number of seconds'],
    [['--connect-timeout=86401'], 'number of seconds'],
    [['--max-inflight=0'], 'a whole number from 1 to 1000000'],
    [['--max-inflight=1e3'], 'a whole number'],
    [['--max-queue-bytes=64MB'], 'such as 1048576, 512KiB or 64MiB'],
    [['--max-queue-bytes=0'], 'a number of bytes from 1'],
    [['--print-config=maybe'], 'must be true or false'],
  ])('refuses %j', (argv, message) => {
    expect(failure(argv)).toEqual(usage(message));
  });

  it('names the variable when the environment is wrong', () => {
    expect(failure([], { M2_LOG_LEVEL: 'loud' })).toEqual(usage('^M2_LOG_LEVEL is "loud"'));
  });

  it('takes neither actions nor internal flags from the environment', () => {
    const { values } = parseFlags(serveFlags, [], { M2_HELP: '1', M2_PRINT_CONFIG: '1', M2_DEV_CHILD: '1' });
    expect(values).toMatchObject({ help: false, 'print-config': false, 'dev-child': false });
  });

  it('does not read what the prototype of objects has', () => {
    expect(failure(['--__proto__=x'])).toEqual(usage('There is no flag --__proto__'));
    expect(failure(['--toString'])).toEqual(usage('There is no flag --toString'));
  });
});
