import { M2Error } from '../errors.js';
import { checkLatin1, encodeReply } from '../wire/outbound.js';
import type { Client } from './client.js';

/** Clients of one server that one message can reach; gathered until there are enough of them. */
interface Group {
  readonly first: Client;
  clients: Client[];
  ids: number[];
}

/**
 * Sends the same bytes to any number of clients, of any servers, in messages for up to 128 of them (`maxTargets`). Clients
 * that have no room get it when they have. A string is latin1. Returns how many clients were still there.
 * @throws M2Error `M2_BAD_REPLY` for empty data (it would close them) or characters that are not latin1.
 */
export function deliver(clients: Iterable<Client>, data: string | Uint8Array): number {
  if (data.length === 0) throw new M2Error('M2_BAD_REPLY', 'deliver() got no data; an empty reply would close the connections.');
  if (typeof data === 'string') checkLatin1(data, 'data');
  const groups: Group[] = [];
  let group: Group | undefined;
  let reached = 0;
  for (const client of clients) {
    if (client.closed) continue;
    reached++;
    if (!client.admits(data.length)) {
      client.send(data);
      continue;
    }
    if (group === undefined || !belongs(group, client)) group = findGroup(groups, client);
    // Charged at once: a client that was named twice may have no room for the second copy.
    client.charge(data.length);
    group.clients.push(client);
    group.ids.push(client.id);
    if (group.ids.length >= client.link.options.maxTargets) transmit(group, data);
  }
  for (const rest of groups) if (rest.ids.length > 0) transmit(rest, data);
  return reached;
}

const belongs = ({ first }: Group, client: Client): boolean => first.link === client.link && first.server === client.server;

function findGroup(groups: Group[], client: Client): Group {
  let group = groups.find((one) => belongs(one, client));
  if (group === undefined) {
    group = { first: client, clients: [], ids: [] };
    groups.push(group);
  }
  return group;
}

function transmit(group: Group, data: string | Uint8Array): void {
  const { first, clients, ids } = group;
  group.clients = [];
  group.ids = [];
  first.link.transmit(encodeReply(first.epoch, first.server, ids, '', data));
  for (const client of clients) {
    client.answered = true;
    if (client.current !== undefined && client.owner === undefined) first.link.plainSend(client);
  }
}
