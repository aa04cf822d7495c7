import { M2Error } from '../errors.js';

/** RFC 9110 5.6.2: what a header's name is made of. */
const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** RFC 9110 5.5, with the bytes above 0x7F that it allows for history's sake; CR, LF, NUL and other controls are out. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Headers that belong to the connection, which is Mongrel2's and m2's to run (RFC 9110 7.6.1). */
const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade']);

/**
 * Refuses a header that would split the response or could not be sent.
 * @throws M2Error `M2_BAD_HEADER`, naming the header but not its value.
 */
export function checkHeader(name: string, value: string): void {
  if (!NAME.test(name)) {
    throw new M2Error('M2_BAD_HEADER', `The response header name ${JSON.stringify(name)} is not a token (RFC 9110 5.6.2).`);
  }
  if (!VALUE.test(value)) {
    throw new M2Error(
      'M2_BAD_HEADER',
      `The value of response header '${name}' has a line break, a control character, or one beyond latin1; encode it (RFC 9110 5.5).`,
    );
  }
}

/** True for a header, in lower case, that only m2 may write. */
export const isHopByHop = (name: string): boolean => HOP_BY_HOP.has(name);

/** Whether a comma-separated header value has `token`, in lower case, among its members. */
export function hasToken(value: string, token: string): boolean {
  if (value.length === token.length) return value.toLowerCase() === token;
  return value
    .toLowerCase()
    .split(',')
    .some((member) => member.trim() === token);
}

/** A whole number of bytes in plain digits; undefined for anything else (RFC 9110 8.6). */
export function parseLength(text: string): number | undefined {
  if (!/^\d{1,15}$/.test(text)) return undefined;
  return Number(text);
}
