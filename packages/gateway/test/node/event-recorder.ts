// The same listener on node:http and behind m2: which events req, res and socket emit, in which order.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, connect as netConnect, type Socket } from 'node:net';
import type { ScriptedRequest } from '@m2/core/testing';
import { eventually } from '@m2/core/testing';
import { serveNode } from './kinds.js';

/** What a scenario's listener does. `say` puts a line of its own among the events; `leave` makes the client go. */
export type Scenario = (
  request: IncomingMessage,
  response: ServerResponse,
  tools: { say(line: string): void; leave(): void },
) => void;

const EVENTS = {
  req: ['end', 'close', 'aborted', 'error', 'pause', 'resume'],
  res: ['prefinish', 'finish', 'close', 'error'],
  socket: ['end', 'close'],
} as const;

class Recorder {
  readonly events: string[] = [];
  private response: ServerResponse | undefined;

  constructor(
    private readonly scenario: Scenario,
    private readonly aborting: boolean,
  ) {}

  readonly listener = (request: IncomingMessage, response: ServerResponse, leave: () => void): void => {
    this.response = response;
    const parts = { req: request, res: response, socket: request.socket };
    for (const name of ['req', 'res', 'socket'] as const) {
      // Of a socket that was not cut, Node keeps the end to itself.
      if (name === 'socket' && !this.aborting) continue;
      for (const event of EVENTS[name]) parts[name].on(event, (error: unknown) => this.add(name, event, error));
    }
    this.scenario(request, response, { say: (line) => this.events.push(line), leave });
  };

  private add(name: string, event: string, error: unknown): void {
    const code = event === 'error' ? ` ${(error as { code?: string }).code}` : '';
    const { response } = this;
    const state =
      name === 'res' && event === 'close' ? ` ended=${response?.writableEnded} finished=${response?.writableFinished}` : '';
    this.events.push(`${name} ${event}${code}${state}`);
  }

  /** Everything that is to come has come: req and res are closed, and the socket where it ends. */
  async settle(): Promise<readonly string[]> {
    const last = this.aborting ? ['req close', 'socket close'] : ['req close', 'res close'];
    await eventually(
      () => last.every((start) => this.events.some((event) => event.startsWith(start))),
      `${last} of ${this.events.join(', ')}`,
    );
    for (let turns = 0; turns < 5; turns++) await new Promise((resolve) => setImmediate(resolve));
    return this.events;
  }
}

/** On node:http. */
export async function onNode(scenario: Scenario, request: ScriptedRequest, aborting: boolean): Promise<readonly string[]> {
  const recorder = new Recorder(scenario, aborting);
  let own: Socket | undefined;
  const server = createServer((req, res) => recorder.listener(req, res, () => own?.end()));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const socket = netConnect((server.address() as AddressInfo).port, '127.0.0.1');
  own = socket;
  socket.on('error', () => {}).resume();
  const body = String(request.body ?? '');
  // A client that is to leave in the middle has not sent all.
  const sent = aborting ? body.slice(0, body.length / 2) : body;
  const length = request.body === undefined ? '' : `Content-Length: ${body.length}\r\n`;
  socket.write(`${request.method ?? (length === '' ? 'GET' : 'POST')} / HTTP/1.1\r\nHost: localhost\r\n${length}\r\n${sent}`);
  const events = await recorder.settle();
  socket.destroy();
  server.close();
  server.closeAllConnections();
  return events;
}

/** Behind m2. */
export async function onM2(scenario: Scenario, request: ScriptedRequest, aborting: boolean): Promise<readonly string[]> {
  const recorder = new Recorder(scenario, aborting);
  const { mongrel2 } = await serveNode((req, res) => recorder.listener(req, res, () => client.disconnect()), {
    mongrel2: { bufferSize: 16 },
  });
  const client = mongrel2.connect();
  client.request(request);
  return recorder.settle();
}
