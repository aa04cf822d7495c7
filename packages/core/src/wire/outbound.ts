import { concatBytes, latin1Bytes } from '#platform';
import { M2Error } from '../errors.js';
import { MAX_TARGETS } from '../limits.js';
import type { Reply } from '../transport.js';
import { MAX_INT32 } from './decimal.js';
import { formatTnetstring } from './tnetstring.js';

/** What an extended reply asks of Mongrel2 (protocol 5). At least one. */
export interface Control {
  /** Resets the connection's idle clock. */
  readonly keepAlive?: true;
  /** Adds so many bytes to the connection's upload credits: 1 to 2^31 - 1. */
  readonly credits?: number;
  /** Closes the connection at once, dropping queued output; no disconnect notice follows. */
  readonly cancel?: true;
}

const SERVER = /^[A-Za-z0-9-]+$/;

/** True for a UUID that Mongrel2 takes replies with: letters, digits and `-` (protocol 4). */
export const isServerId = (server: string): boolean => SERVER.test(server);

const badReply = (message: string, details: Readonly<Record<string, unknown>>): M2Error =>
  new M2Error('M2_BAD_REPLY', message, { details });

function checkServer(server: string): void {
  if (typeof server === 'string' && SERVER.test(server)) return;
  throw badReply(
    `Mongrel2 takes no reply to the server ${JSON.stringify(server)}: a UUID (send_ident) has letters, digits and "-" only. Change send_ident.`,
    { server },
  );
}

function checkId(id: number): void {
  if (Number.isInteger(id) && id >= 0 && id <= 0xffff_ffff) return;
  throw badReply(`A connection id is an integer from 0 to 4294967295, not ${String(id)}.`, { id });
}

function idList(ids: number | readonly number[]): string {
  if (typeof ids === 'number') {
    checkId(ids);
    // `-0` is an integer too; String() makes "0" of it.
    return String(ids);
  }
  if (ids.length < 1 || ids.length > MAX_TARGETS) {
    throw badReply(
      `A reply goes to 1 to ${MAX_TARGETS} connections, not ${ids.length}: Mongrel2 would drop it for all of them.`,
      {
        targets: ids.length,
        allowed: MAX_TARGETS,
      },
    );
  }
  for (const id of ids) checkId(id);
  return ids.join(' ');
}

/**
 * `UUID LEN:IDS, `, which every plain reply begins with (protocol 4). Worth keeping when many replies go to the same
 * connections. Throws `M2_BAD_REPLY` for a UUID with other characters than letters, digits and `-`, ids that are not
 * integers from 0 to 2^32 - 1, no id at all, or more than 128.
 */
export function replyPrefix(server: string, ids: number | readonly number[]): string {
  checkServer(server);
  const list = idList(ids);
  return `${server} ${list.length}:${list}, `;
}

/** Throws `M2_BAD_REPLY` for a text that has characters above U+00FF; `what` names it. */
export function checkLatin1(text: string, what: string): void {
  // On a string of one-byte characters this pattern cannot match and V8 knows it: it costs no scan.
  const at = text.search(/[\u0100-\uffff]/);
  if (at < 0) return;
  throw badReply(`The ${what} of a reply has a character above U+00FF at position ${at}: encode text as UTF-8 bytes first.`, {
    what,
    at,
  });
}

/**
 * A plain reply: `head` and then `data` go to each of the connections, byte for byte. Strings are latin1, one character
 * a byte. Throws `M2_BAD_REPLY` when both are empty, since that closes the connection ({@link encodeClose} does it on
 * purpose), when a string has characters above U+00FF, and as {@link replyPrefix} does.
 */
export function encodeReply(
  epoch: number,
  server: string,
  ids: number | readonly number[],
  head: string,
  data: string | Uint8Array,
): Reply {
  const prefix = replyPrefix(server, ids);
  if (head.length === 0 && data.length === 0) {
    throw badReply('An empty reply closes the connection. Send nothing, or close it with encodeClose.', { server, ids });
  }
  checkLatin1(head, 'head');
  if (typeof data === 'string') checkLatin1(data, 'data');
  return { epoch, head: prefix + head, data };
}

/** The empty reply: Mongrel2 closes the connections once all that is queued for them was written. Throws as {@link replyPrefix} does. */
export const encodeClose = (epoch: number, server: string, ids: number | readonly number[]): Reply => ({
  epoch,
  head: replyPrefix(server, ids),
  data: '',
});

function controlDict(control: Control): Record<string, true | number> {
  const dict: Record<string, true | number> = {};
  const { keepAlive, credits, cancel } = control;
  if (keepAlive !== undefined && keepAlive !== true) throw badReply('keepAlive is true or absent.', { keepAlive });
  if (cancel !== undefined && cancel !== true) throw badReply('cancel is true or absent.', { cancel });
  if (keepAlive) dict['keep-alive'] = true;
  if (credits !== undefined) {
    // Mongrel2 reads a string as a pointer and dies of a float (protocol 5); an int is 32 bits there.
    if (!Number.isInteger(credits) || credits < 1 || credits > MAX_INT32) {
      throw badReply(`Upload credits are an integer from 1 to ${MAX_INT32}, not ${String(credits)}.`, { credits });
    }
    dict.credits = credits;
  }
  if (cancel) dict.cancel = true;
  return dict;
}

/**
 * An extended reply (protocol 5): keep-alive, upload credits, cancel, or several at once, for 1 to 128 connections.
 * Throws `M2_BAD_REPLY` when nothing is asked for, for credits that are not an integer from 1 to 2^31 - 1, and as
 * {@link replyPrefix} does.
 */
export function encodeControl(epoch: number, server: string, ids: number | readonly number[], control: Control): Reply {
  checkServer(server);
  const list = idList(ids);
  const dict = controlDict(control);
  if (Object.keys(dict).length === 0)
    throw badReply('An extended reply asks for keepAlive, credits or cancel; this one for none.', { server });
  return { epoch, head: `${server} ${list.length + 2}:X ${list}, `, data: formatTnetstring(['ctl', dict]) };
}

/** The bytes of the one message that a reply is. */
export const joinReply = (reply: Reply): Uint8Array =>
  typeof reply.data === 'string' ? latin1Bytes(reply.head + reply.data) : concatBytes([latin1Bytes(reply.head), reply.data]);
