/** Reason phrase and body, as Mongrel2 has them. */
const TEXTS = {
  400: ['Bad Request', 'Bad Request'],
  404: ['Not Found', 'Not Found'],
  413: ['Request Entity Too Large', 'Entity Too Large'],
  417: ['Expectation Failed', 'Expectation Failed'],
  502: ['Bad Gateway', 'Bad Gateway'],
} as const;

/** What Mongrel2 answers by itself. */
export type ErrorStatus = keyof typeof TEXTS;

/** A whole response of the front's own; the connection is closed after it, as Mongrel2 does. */
export function errorResponse(status: ErrorStatus): Buffer {
  const [phrase, body] = TEXTS[status];
  return Buffer.from(
    `HTTP/1.1 ${status} ${phrase}\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: ${body.length}\r\nServer: m2-front\r\n\r\n${body}`,
    'latin1',
  );
}
