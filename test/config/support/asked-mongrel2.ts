import { request } from 'node:http';
import { asyncBackend } from '@m2/backend-async';
import { type ConfiguredConnection, fromConfig } from '@m2/config';
import { type Handler, HttpExchange, type Server, serve } from '@m2/core';
import { zmtpTransport } from '@m2/transport-zmtp';
import { within } from '../../harness/deadline.js';

/** Where a request went, or the status with which Mongrel2 itself answered. */
export type Choice = { readonly handler: string; readonly pattern: string } | { readonly status: number };

/** A handler that answers each request with the ident and the route that Mongrel2 chose for it. */
const telling: Handler = {
  handle(message, client) {
    if (message.kind !== 'http') return;
    const choice = { handler: message.server, pattern: message.meta.PATTERN };
    new HttpExchange(message, client).respond(200, [['content-type', 'application/json']], JSON.stringify(choice));
  },
};

/** Serves all handlers of a configuration as `fromConfig` finds them. */
export async function serveAll(database: string): Promise<{ server: Server; connection: ConfiguredConnection }> {
  const connection = await fromConfig(database, { all: true });
  const server = await serve(telling, connection, { backend: asyncBackend({ transport: zmtpTransport() }) });
  await within(server.ready, 'every handler is subscribed to');
  return { server, connection };
}

/** Asks the real Mongrel2, which writes the path as it is given. */
export function ask(port: number, path: string, host?: string): Promise<Choice> {
  const answer = new Promise<Choice>((resolve, reject) => {
    const asked = request({
      port,
      host: '127.0.0.1',
      path,
      setHost: host !== undefined,
      headers: host === undefined ? {} : { host },
    });
    asked.once('error', reject);
    asked.once('response', (response) => {
      let text = '';
      response.setEncoding('latin1');
      response.on('data', (part: string) => {
        text += part;
      });
      response.once('error', reject);
      response.once('end', () => {
        resolve(response.statusCode === 200 ? (JSON.parse(text) as Choice) : { status: response.statusCode ?? 0 });
      });
    });
    asked.end();
  });
  return within(answer, `an answer for ${path}`);
}

/** Asks many at a time, in order. */
export async function askAll<T>(items: readonly T[], one: (item: T) => Promise<Choice>): Promise<Choice[]> {
  const answers: Choice[] = [];
  for (let at = 0; at < items.length; at += 16) answers.push(...(await Promise.all(items.slice(at, at + 16).map(one))));
  return answers;
}
