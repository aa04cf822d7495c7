import { TOKEN } from './options.js';

/** An extension as a header offers it: its name and parameters (RFC 6455 section 9.1). */
interface Extension {
  readonly name: string;
  readonly parameters: ReadonlyMap<string, string | undefined>;
}

/** What was agreed on. */
export interface DeflateAgreement {
  /** The largest window that messages to the client may need, in bits. */
  readonly windowBits: number;
  /** The value of Sec-WebSocket-Extensions in the answer. */
  readonly header: string;
}

/** As much as any client sends; a longer header is malformed. */
const MAX_OFFERS = 16;

/** `name; key; key=value, name` with tokens, or quoted tokens as values. `undefined` when it is malformed. */
export function parseExtensions(header: string): Extension[] | undefined {
  const extensions: Extension[] = [];
  for (const one of header.split(',')) {
    const [name = '', ...pairs] = one.split(';').map((part) => part.trim());
    if (!TOKEN.test(name) || extensions.length >= MAX_OFFERS) return undefined;
    const parameters = new Map<string, string | undefined>();
    for (const pair of pairs) {
      const parsed = parseParameter(pair);
      if (parsed === undefined || parameters.has(parsed.key)) return undefined;
      parameters.set(parsed.key, parsed.value);
    }
    extensions.push({ name, parameters });
  }
  return extensions;
}

function parseParameter(pair: string): { key: string; value: string | undefined } | undefined {
  const at = pair.indexOf('=');
  const key = (at === -1 ? pair : pair.slice(0, at)).trim();
  if (!TOKEN.test(key)) return undefined;
  if (at === -1) return { key, value: undefined };
  const given = pair.slice(at + 1).trim();
  const value = given.length > 2 && given.startsWith('"') && given.endsWith('"') ? given.slice(1, -1) : given;
  return TOKEN.test(value) ? { key, value } : undefined;
}

/**
 * Takes the first offer of permessage-deflate that can be kept (RFC 7692 section 7.1). Both sides are held to forget each
 * message's window: a server may ask that of a client that did not offer it (7.1.1). `client_max_window_bits` needs no
 * answer, since any window can be inflated.
 */
export function agreeOnDeflate(offers: readonly Extension[], minWindowBits: number): DeflateAgreement | undefined {
  for (const { name, parameters } of offers) {
    if (name !== 'permessage-deflate' || !isValidOffer(parameters)) continue;
    const asked = parameters.get('server_max_window_bits');
    const windowBits = asked === undefined ? 15 : Number(asked);
    if (windowBits < minWindowBits) continue;
    const bits = asked === undefined ? '' : `; server_max_window_bits=${asked}`;
    return { windowBits, header: `permessage-deflate; server_no_context_takeover; client_no_context_takeover${bits}` };
  }
  return undefined;
}

/** An offer with a parameter that is unknown, or has a value that it must not have, is to be declined (RFC 7692 section 7.1). */
function isValidOffer(parameters: ReadonlyMap<string, string | undefined>): boolean {
  for (const [key, value] of parameters) {
    if (key === 'server_no_context_takeover' || key === 'client_no_context_takeover') {
      if (value !== undefined) return false;
    } else if (key === 'server_max_window_bits' || key === 'client_max_window_bits') {
      // The client's may come without a value: it says only that the parameter is understood.
      if (value === undefined ? key.startsWith('server') : !WINDOW_BITS.test(value)) return false;
    } else return false;
  }
  return true;
}

/** 8 to 15, without leading zeros (RFC 7692 section 7.1.2). */
const WINDOW_BITS = /^(?:[89]|1[0-5])$/;
