import { frameHeader } from '../wire/websocket-frame.js';
import type { Client } from './client.js';

/** The body of a close frame with code 1012, "service restart" (RFC 6455 section 7.4.2 and the IANA registry). */
const SERVICE_RESTART = '\x03\xf4';

/** Closes a WebSocket that belonged to a handler that is gone, in a way that tells its client to connect again. */
export function closeOrphan(client: Client): void {
  client.send(SERVICE_RESTART, frameHeader(8, SERVICE_RESTART.length));
  client.close();
}
