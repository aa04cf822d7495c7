// A scripted Mongrel2 with WebSocket hooks behind it, over memory.
import { encodeClosePayload } from '@m2/core';
import { eventually, type ScriptedClient, type ScriptedRequest, type ServerFrame } from '@m2/core/testing';
import {
  type CloseDetails,
  type Peer,
  type WebSocketHandler,
  type WebSocketHooks,
  type WebSocketOptions,
  webSocketHandler,
} from '../src/index.js';
import { type Running, type Setup, serveApp } from './harness.js';

/** Hooks, and what to start them with. */
export interface SocketSetup extends Setup {
  readonly options?: WebSocketOptions;
}

export interface RunningSockets extends Running {
  readonly sockets: WebSocketHandler;
  /** A connection whose handshake was accepted. */
  open(request?: ScriptedRequest): Promise<ScriptedClient>;
}

/** Serves hooks until the test is over. */
export async function serveSockets(hooks: WebSocketHooks, setup: SocketSetup = {}): Promise<RunningSockets> {
  const sockets = webSocketHandler(hooks, setup.options);
  const running = await serveApp({ handler: sockets }, setup);
  return {
    ...running,
    sockets,
    async open(request) {
      const client = running.mongrel2.connect().upgrade(request);
      const response = await client.response();
      if (response.status !== 101) throw new Error(`The handshake was answered ${response.status}: ${response.text}`);
      return client;
    },
  };
}

/** Echoes each message as it came. */
export const echo: WebSocketHooks = {
  message(peer, message) {
    peer.send(message.data);
  },
};

/** Hooks that keep what happens, as one line each, besides doing what `hooks` do. */
export function recording(hooks: WebSocketHooks = {}): WebSocketHooks & { readonly events: string[]; readonly peers: Peer[] } {
  const events: string[] = [];
  const peers: Peer[] = [];
  return {
    ...hooks,
    events,
    peers,
    open(peer) {
      peers.push(peer);
      events.push('open');
      return hooks.open?.(peer);
    },
    message(peer, message) {
      events.push(`message ${message.text()}`);
      return hooks.message?.(peer, message);
    },
    drain(peer) {
      events.push('drain');
      return hooks.drain?.(peer);
    },
    close(peer, details) {
      events.push(describeClose(details));
      return hooks.close?.(peer, details);
    },
    error(peer, error) {
      events.push(`error ${(error as Error).message.replace(peer.id, 'PEER')}`);
      return hooks.error?.(peer, error);
    },
  };
}

/** A close in one line. */
export const describeClose = ({ code, reason, wasClean }: CloseDetails): string =>
  `close ${code}${reason === '' ? '' : ` ${reason}`}${wasClean ? ', clean' : ''}`;

/** Waits until the client has read so many frames. */
export async function frames(client: ScriptedClient, count: number): Promise<readonly ServerFrame[]> {
  await eventually(
    () => client.frames.length >= count,
    `connection ${client.id} has ${count} frames, not ${client.frames.length}`,
  );
  return client.frames;
}

/** The client sends a close frame. */
export const sendClose = (client: ScriptedClient, code?: number, reason?: string): ScriptedClient =>
  client.frame(encodeClosePayload(code, reason), 0x88);

/** Code and reason of the last frame, which must be a close frame; code 0 when it has none. */
export function closeFrame(client: ScriptedClient): { code: number; reason: string } {
  const last = client.frames.at(-1);
  if (last?.opcode !== 8) throw new Error(`The last frame of connection ${client.id} has opcode ${last?.opcode}.`);
  const [high = 0, low = 0] = last.payload;
  return { code: high * 256 + low, reason: new TextDecoder().decode(last.payload.subarray(2)) };
}
