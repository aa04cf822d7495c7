import { M2Error } from '../errors.js';
import type { Logger } from '../logger.js';
import type { ResolvedServer } from './options.js';

/**
 * Compares, at a server's first request, what it subscribed to and who its requests come from: replies that do not begin
 * with the subscription vanish without a word (protocol 4). Logs what does not fit, and what differs from the options.
 */
export function compareIdents(server: ResolvedServer, subscription: string, ident: string, logger: Logger): void {
  const at = `Mongrel2 at ${server.recvSpec}`;
  if (!`${ident} `.startsWith(subscription)) {
    report(
      logger,
      `${at} subscribed to '${subscription}', but its requests come from '${ident}': it drops every reply without a word. ` +
        `Set the handler's recv_ident to '' or to '${ident} ' in Mongrel2's configuration, or check that send_spec and recv_spec belong ` +
        'to the same handler.',
      { subscription, server: ident },
    );
  }
  if (server.sendIdent !== undefined && server.sendIdent !== ident) {
    report(
      logger,
      `Requests at ${server.sendSpec} come from '${ident}', not from '${server.sendIdent}': is it the right server?`,
      {
        expected: server.sendIdent,
        server: ident,
      },
    );
  }
  if (server.recvIdent !== undefined && server.recvIdent !== subscription) {
    report(logger, `${at} subscribed to '${subscription}', not to '${server.recvIdent}': is it the right server?`, {
      expected: server.recvIdent,
      subscription,
    });
  }
}

function report(logger: Logger, message: string, details: Readonly<Record<string, unknown>>): void {
  const error = new M2Error('M2_SUBSCRIPTION_MISMATCH', message, { details });
  logger.error(message, { error });
}
