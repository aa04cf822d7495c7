import { addressesClash, type BindAddress, readBindAddress } from './bind-address.js';
import type { ConfigModel, HandlerRow, ServerRow } from './model.js';
import { type Notes, nameOf } from './note.js';

/** The handlers that a server's routes lead to, each once, in the order of its routes. */
export function handlersOf(model: ConfigModel, server: ServerRow): HandlerRow[] {
  const hosts = new Set(model.hosts.filter(({ serverId }) => serverId === server.id).map(({ id }) => id));
  const ids = new Set(
    model.routes
      .filter(({ hostId, targetType }) => targetType === 'handler' && hosts.has(hostId))
      .map(({ targetId }) => targetId),
  );
  return [...ids].flatMap((id) => model.handlers.filter((handler) => handler.id === id));
}

/** Addresses and identities of handlers. */
export function checkHandlers(model: ConfigModel, notes: Notes): void {
  const used = new Set(model.routes.filter(({ targetType }) => targetType === 'handler').map(({ targetId }) => targetId));
  for (const handler of model.handlers) {
    checkIdents(handler, notes);
    checkSpecs(handler, notes);
    if (!['json', 'tnetstring'].includes(handler.protocol)) {
      notes.warn(
        'unknown-protocol',
        nameOf.handler(handler),
        `its protocol is ${JSON.stringify(handler.protocol)}; Mongrel2 takes that for json.`,
      );
    }
    if (!used.has(handler.id)) notes.warn('unused-handler', nameOf.handler(handler), 'no route leads to it.');
  }
  for (const server of model.servers) checkWithin(server, handlersOf(model, server), notes);
  checkAcross(model, notes);
}

function checkIdents(handler: HandlerRow, notes: Notes): void {
  const { sendIdent, recvIdent } = handler;
  const where = nameOf.handler(handler);
  if (sendIdent === '')
    notes.error(
      'no-send-ident',
      where,
      'its send_ident is empty: requests would begin with a blank, and no reply could be written.',
    );
  else if (!/^[A-Za-z0-9-]+$/.test(sendIdent)) {
    notes.error(
      'bad-send-ident',
      where,
      `its send_ident is ${JSON.stringify(sendIdent)}: Mongrel2 takes only letters, digits and "-" at the beginning of a reply, and each reply that it cannot read stalls all clients of the route.`,
    );
  }
  if (Buffer.byteLength(sendIdent) > 255)
    notes.error('long-send-ident', where, 'its send_ident has more than the 255 bytes of a ZeroMQ identity.');
  if (recvIdent === '') {
    notes.warn(
      'empty-recv-ident',
      where,
      `its recv_ident is empty, so it takes replies that are for others: a connection id of one server is a stranger's on another. Set it to "${sendIdent} ".`,
    );
  } else if (!`${sendIdent} `.startsWith(recvIdent)) {
    notes.error(
      'recv-ident-no-prefix',
      where,
      `replies begin with its send_ident, ${JSON.stringify(sendIdent)}, but only those that begin with its recv_ident, ${JSON.stringify(recvIdent)}, arrive: all would vanish.`,
    );
  }
}

function checkSpecs(handler: HandlerRow, notes: Notes): void {
  const where = nameOf.handler(handler);
  const [send, recv] = [readBindAddress(handler.sendSpec), readBindAddress(handler.recvSpec)];
  if (!send.ok) notes.error('bad-spec', where, `its send_spec is ${JSON.stringify(handler.sendSpec)}: ${send.why}.`);
  if (!recv.ok) notes.error('bad-spec', where, `its recv_spec is ${JSON.stringify(handler.recvSpec)}: ${recv.why}.`);
  if (!send.ok || !recv.ok) return;
  if (addressesClash(send.address, recv.address)) {
    notes.error('same-specs', where, 'its send_spec and recv_spec are one address, but Mongrel2 binds both.');
  } else if (send.address.protocol === 'tcp' && recv.address.protocol === 'tcp' && recv.address.port === send.address.port + 1) {
    notes.warn(
      'swapped-specs',
      where,
      `its recv_spec is one port above its send_spec, and by custom it is one below: send_spec is what Mongrel2 sends to. Are they swapped?`,
    );
  }
}

interface Bound {
  readonly address: BindAddress;
  readonly handler: HandlerRow;
  readonly spec: 'send_spec' | 'recv_spec';
}

function boundBy(handlers: readonly HandlerRow[]): Bound[] {
  return handlers.flatMap((handler) => {
    const [send, recv] = [readBindAddress(handler.sendSpec), readBindAddress(handler.recvSpec)];
    return [
      ...(send.ok ? [{ address: send.address, handler, spec: 'send_spec' as const }] : []),
      ...(recv.ok ? [{ address: recv.address, handler, spec: 'recv_spec' as const }] : []),
    ];
  });
}

/** Two rows with the same addresses are one handler to Mongrel2: that of the first route. */
const sameSockets = (a: HandlerRow, b: HandlerRow): boolean => a.sendSpec === b.sendSpec && a.recvSpec === b.recvSpec;

/** What one Mongrel2 process has to bind. */
function checkWithin(server: ServerRow, handlers: readonly HandlerRow[], notes: Notes): void {
  const kept: HandlerRow[] = [];
  for (const handler of handlers) {
    const twin = kept.find((other) => sameSockets(other, handler));
    if (twin === undefined) kept.push(handler);
    else if (
      twin.sendIdent !== handler.sendIdent ||
      twin.recvIdent !== handler.recvIdent ||
      twin.protocol !== handler.protocol ||
      twin.rawPayload !== handler.rawPayload
    ) {
      notes.warn(
        'merged-handlers',
        nameOf.handler(handler),
        `it has the addresses of ${nameOf.handler(twin)}, so Mongrel2 uses that one's idents and protocol for both.`,
      );
    }
  }
  const bound = boundBy(kept);
  for (const [index, one] of bound.entries()) {
    const where = nameOf.handler(one.handler);
    for (const other of bound.slice(0, index)) {
      if (other.handler === one.handler || !addressesClash(other.address, one.address)) continue;
      const crossed = other.spec !== one.spec;
      notes.error(
        crossed ? 'crossed-specs' : 'spec-clash',
        where,
        `its ${one.spec} is the ${other.spec} of ${nameOf.handler(other.handler)}, and Mongrel2 binds it only once.${crossed ? ' Are send_spec and recv_spec mixed up? send_spec is what Mongrel2 sends to.' : ''}`,
      );
    }
    if (one.address.protocol === 'tcp' && one.address.port === server.port && server.port > 0) {
      notes.error(
        'spec-clash',
        where,
        `its ${one.spec} has the port ${server.port}, where ${nameOf.server(server)} listens for HTTP.`,
      );
    }
  }
}

/** What matters to a handler process that is connected to several. */
function checkAcross(model: ConfigModel, notes: Notes): void {
  const rows = model.servers.flatMap((server) => handlersOf(model, server).map((handler) => ({ server, handler })));
  for (const [index, one] of rows.entries()) {
    const where = nameOf.handler(one.handler);
    for (const other of rows.slice(0, index)) {
      const [a, b] = [one.handler, other.handler];
      if (one.server !== other.server && a.sendSpec === b.sendSpec) {
        notes.warn(
          'shared-send-spec',
          where,
          `its send_spec is also that of ${nameOf.server(other.server)}: the two servers cannot run on one machine at a time.`,
        );
      }
      if (a.id === b.id || sameSockets(a, b)) continue;
      const [short, long] = a.recvIdent.length <= b.recvIdent.length ? [a, b] : [b, a];
      if (short.recvIdent !== '' && `${long.sendIdent} `.startsWith(short.recvIdent)) {
        notes.warn(
          'recv-ident-of-another',
          nameOf.handler(short),
          `its recv_ident ${JSON.stringify(short.recvIdent)} also fits replies of ${nameOf.handler(long)}: end it with a blank.`,
        );
      }
    }
  }
}
