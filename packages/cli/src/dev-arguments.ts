import { M2Error } from '@m2/core';
import { looksLikeAddress } from './serve-arguments.js';

/**
 * Reads the words of `m2 dev` that are not flags: the app.
 * @throws M2Error `M2_USAGE` when it is missing, and for addresses, which the embedded front has itself.
 */
export function readDevArguments(positionals: readonly string[]): string {
  const [app, ...surplus] = positionals;
  if (app === undefined) throw new M2Error('M2_USAGE', 'The app is missing: m2 dev <app>, such as m2 dev ./app.mjs.');
  const address = positionals.find(looksLikeAddress);
  if (address !== undefined) {
    throw new M2Error(
      'M2_USAGE',
      `m2 dev takes no address, but ${address} is one: it brings its own front (--port and --host set where). For Mongrel2: m2 serve ` +
        `${positionals.filter((word) => !looksLikeAddress(word))[0] ?? './app.mjs'} ${address}.`,
    );
  }
  if (surplus.length > 0)
    throw new M2Error('M2_USAGE', `There is one word too many: ${JSON.stringify(surplus[0])}. m2 dev takes one app.`);
  return app;
}
