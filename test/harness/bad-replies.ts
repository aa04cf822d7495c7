import { type Client, encodeControl, encodeReply, HttpExchange, type HttpRequest, M2Error } from '@m2/core';

/** What came of one attempt: the error's code, or what happened instead. */
export type Attempts = Record<string, string>;

const OK: readonly (readonly [string, string])[] = [];

function attempt(results: Attempts, name: string, call: () => unknown): void {
  try {
    const value = call();
    results[name] = `no error, but ${JSON.stringify(value) ?? 'nothing'}`;
  } catch (error) {
    results[name] = M2Error.is(error) ? error.code : `not coded: ${error}`;
  }
}

/** Replies that Mongrel2 drops while it stalls the whole route, or that crash it (protocol 4 and 5). */
function tryEncoders(results: Attempts, { server, epoch, id }: Client): void {
  const reply = (uuid: string, ids: number | number[], data: string | Uint8Array = 'x') =>
    encodeReply(epoch, uuid, ids, '', data);
  attempt(results, 'no uuid', () => reply('', id));
  attempt(results, 'a uuid with an underscore', () => reply('a_b', id));
  attempt(results, 'a uuid with a blank', () => reply(`${server} 1:7,`, id));
  attempt(results, 'no ids', () => reply(server, []));
  attempt(results, '129 ids', () =>
    reply(
      server,
      Array.from({ length: 129 }, () => id),
    ),
  );
  attempt(results, 'a negative id', () => reply(server, -1));
  attempt(results, 'an id beyond 32 bits', () => reply(server, 2 ** 32));
  attempt(results, 'an id that is no integer', () => reply(server, 1.5));
  attempt(results, 'an id that is a text', () => reply(server, `${id} 8` as unknown as number));
  attempt(results, 'an empty reply', () => reply(server, id, ''));
  attempt(results, 'data beyond latin1', () => reply(server, id, '€'));
  attempt(results, 'float credits', () => encodeControl(epoch, server, id, { credits: 1.5 }));
  attempt(results, 'text credits', () => encodeControl(epoch, server, id, { credits: '1' as unknown as number }));
  attempt(results, 'negative credits', () => encodeControl(epoch, server, id, { credits: -1 }));
  attempt(results, 'credits beyond 32 bits', () => encodeControl(epoch, server, id, { credits: 2 ** 31 }));
  attempt(results, 'control of nothing', () => encodeControl(epoch, server, id, {}));
  attempt(results, 'control that is false', () => encodeControl(epoch, server, id, { cancel: false as unknown as true }));
}

function tryClient(results: Attempts, client: Client): void {
  attempt(results, 'client.send beyond latin1', () => client.send('€'));
  attempt(results, 'client.grantCredits of a float', () => client.grantCredits(0.5));
  attempt(results, 'client.grantCredits of NaN', () => client.grantCredits(Number.NaN));
}

function tryExchange(results: Attempts, exchange: HttpExchange): void {
  const respond = (status: number, headers: readonly (readonly [string, string])[], options = {}) =>
    exchange.respond(status, headers, 'x', options);
  attempt(results, 'a line break in a header', () => respond(200, [['X-A', 'a\r\nX-B: b']]));
  attempt(results, 'a NUL in a header', () => respond(200, [['X-A', 'a\0']]));
  attempt(results, 'a header beyond latin1', () => respond(200, [['X-A', '€']]));
  attempt(results, 'a header name with a blank', () => respond(200, [['X A', 'a']]));
  attempt(results, 'a line break in the reason', () => respond(200, OK, { reason: 'OK\r\nX-A: a' }));
  attempt(results, 'a length that is not the body', () => respond(200, [['Content-Length', '5']]));
  attempt(results, 'two lengths', () =>
    respond(200, [
      ['Content-Length', '1'],
      ['Content-Length', '2'],
    ]),
  );
  attempt(results, 'an interim status as the final one', () => respond(100, OK));
  attempt(results, 'a status that is no number', () => respond(Number.NaN, OK));
  attempt(results, 'a body before the head', () => exchange.write('x'));
  attempt(results, 'an end before the head', () => exchange.end());
  attempt(results, '101 as an interim answer', () => exchange.inform(101, OK));
}

/** Tries every reply that must not be possible, through all that the package exports, and answers with what came of it as JSON. */
export function badReplies(message: HttpRequest, client: Client): void {
  const results: Attempts = {};
  tryEncoders(results, client);
  const exchange = new HttpExchange(message, client);
  attempt(results, 'a second exchange', () => new HttpExchange(message, client));
  tryExchange(results, exchange);
  tryClient(results, client);
  exchange.respond(200, [['Content-Type', 'application/json']], JSON.stringify(results));
  attempt(results, 'a second answer', () => exchange.respond(200, OK, 'x'));
}
