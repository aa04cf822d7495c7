const PHRASES = {
  400: 'Bad Request',
  404: 'Not Found',
  413: 'Request Entity Too Large',
  417: 'Expectation Failed',
  502: 'Bad Gateway',
} as const;

/** What Mongrel2 answers by itself. */
export type ErrorStatus = keyof typeof PHRASES;

/** A whole response of the front's own; the connection is closed after it, as Mongrel2 does. */
export function errorResponse(status: ErrorStatus): Buffer {
  const phrase = PHRASES[status];
  return Buffer.from(
    `HTTP/1.1 ${status} ${phrase}\r\nServer: m2-front\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: ${phrase.length}\r\n\r\n${phrase}`,
    'latin1',
  );
}
