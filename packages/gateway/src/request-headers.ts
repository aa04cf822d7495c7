import type { ClientHeaders, HeaderValue } from '@m2/core';

/** These name a file on Mongrel2's disk, and any client can send them (protocol 7.2): no app gets to see them. */
export const isUploadHeader = (name: string): boolean => name === 'x-mongrel2-upload-start' || name === 'x-mongrel2-upload-done';

/**
 * The client's headers as the web platform has them: several values of one name are joined by `, `, cookies by `; `. A name
 * with underscores is left out where the same name with dashes is there too, since many programs cannot tell the two apart.
 */
export function toHeaders(source: ClientHeaders): Headers {
  const headers = new Headers();
  for (const [name, value] of source) {
    if (isUploadHeader(name) || isShadowed(name, source)) continue;
    setHeader(headers, name, join(name, value));
  }
  return headers;
}

/** Every header line, several values of one name apart. */
export function headerPairs(source: ClientHeaders): (readonly [string, string])[] {
  const pairs: (readonly [string, string])[] = [];
  for (const [name, value] of source) {
    if (isUploadHeader(name)) continue;
    if (typeof value === 'string') pairs.push([name, value]);
    else for (const one of value) pairs.push([name, one]);
  }
  return pairs;
}

function join(name: string, value: HeaderValue): string {
  if (typeof value === 'string') return value;
  if (name === 'cookie') return value.join('; ');
  // Several that differ were refused; a list of equal numbers would be no number to the app.
  if (name === 'content-length') return value[0] ?? '';
  return value.join(', ');
}

const isShadowed = (name: string, source: ClientHeaders): boolean => name.includes('_') && source.has(name.replaceAll('_', '-'));

function setHeader(headers: Headers, name: string, value: string): void {
  try {
    headers.set(name, value);
  } catch {
    // Mongrel2 lets a bare CR through (protocol 2.2). RFC 9110 5.5 has a blank put in its place.
    const cleaned = value.replace(/[\0\r\n]/g, ' ');
    // What still fails has a name that is no token; it stays readable in rawHeaders.
    if (cleaned !== value) setHeader(headers, name, cleaned);
  }
}
