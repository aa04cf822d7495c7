import { type HttpExchange, reasonPhrase } from '@m2/core';

/** An answer that the gateway gives instead of the app. */
export interface Refusal {
  readonly status: number;
  /** Told to the client; nothing of the app or the server is in it. */
  readonly text: string;
  /** What follows on the connection cannot be trusted, or will not come. */
  readonly close: boolean;
}

const HEADERS = [['Content-Type', 'text/plain; charset=utf-8']] as const;
const CLOSING_HEADERS = [...HEADERS, ['Connection', 'close']] as const;

/** The plain answer of a status. */
export const refusal = (status: number, close = false): Refusal => ({ status, text: reasonPhrase(status), close });

/** 400 with the reason. The connection is closed: what else came on it may be cut in the wrong places. */
export const badRequest = (reason: string): Refusal => ({ status: 400, text: `Bad Request: ${reason}.`, close: true });

/** Answers a request with a refusal. */
export function refuse(exchange: HttpExchange, { status, text, close }: Refusal): void {
  exchange.respond(status, close ? CLOSING_HEADERS : HEADERS, `${text}\n`);
}
