import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deferred, within } from './deadline.js';
import { formatConfig, type HandlerConfig, type HandlerOptions } from './mongrel2-config.js';
import { leasePorts, type PortLease } from './ports.js';

/** How long Mongrel2 may take to accept HTTP, in milliseconds. */
const START_MS = 15_000;
/** What Mongrel2 logs of a reply that it drops. */
const BAD_REPLY = /Skipped invalid message from handler|Invalid extended response/g;
const OUTPUT_KEPT = 64 * 1024;

/** What a Mongrel2 is started with. */
export interface Mongrel2Options {
  /** Default: one tnetstring handler for every path. */
  readonly handlers?: readonly HandlerOptions[];
  /** `download.flow_control`. Default false. */
  readonly flowControl?: boolean;
  /** Rows of Mongrel2's setting table, such as `upload.stream` or `limits.handler_targets`. */
  readonly settings?: Readonly<Record<string, string | number>>;
}

/** A Mongrel2 process of its own, with its own folder and ports. */
export interface RealMongrel2 {
  /** Where it takes HTTP, on 127.0.0.1. */
  readonly port: number;
  /** `http://127.0.0.1:<port>`. */
  readonly url: string;
  /** The folder it lives in; as root it chroots there. */
  readonly chroot: string;
  readonly handlers: readonly HandlerConfig[];
  /** Its process, while there is one. */
  readonly pid: number | undefined;
  /** How its first handler is connected to. */
  readonly connect: { readonly sendSpec: string; readonly recvSpec: string };
  /** How many replies it could not read, by its own error log: each of them stalls the whole route (protocol 4). */
  badReplies(): number;
  /** What it wrote to its error log and its terminal: for failure messages, and for what can be seen only there. */
  log(): string;
  /** Sends the signal and waits for the process to be gone. */
  kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<void>;
  /** Starts it, on the same ports, after `kill()`, or first when it was made with `makeMongrel2`. */
  start(): Promise<void>;
  /** `kill()` and `start()`. */
  restart(signal?: 'SIGKILL' | 'SIGTERM'): Promise<void>;
  /** Ends the process and removes its folder. Idempotent. */
  stop(): Promise<void>;
}

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

const isInstalled = (name: string): boolean =>
  (process.env.PATH ?? '').split(':').some((folder) => folder !== '' && existsSync(join(folder, name)));

/** True when this machine has Mongrel2 and its m2sh. */
export const hasMongrel2: boolean = isInstalled('mongrel2') && isInstalled('m2sh');

/** What Mongrel2 is started through, so that it never outlives a test process that was killed. */
export const leash: readonly string[] = isInstalled('setpriv') ? ['setpriv', '--pdeathsig', 'KILL', '--'] : [];

/** Starts a Mongrel2 and waits until it answers HTTP. */
export async function startMongrel2(options: Mongrel2Options = {}): Promise<RealMongrel2> {
  const mongrel2 = await makeMongrel2(options);
  try {
    await mongrel2.start();
  } catch (error) {
    await mongrel2.stop();
    throw error;
  }
  return mongrel2;
}

/** Makes the folder, ports and configuration of a Mongrel2 that is started later. */
export async function makeMongrel2(options: Mongrel2Options = {}): Promise<RealMongrel2> {
  const lease = await leasePorts();
  const [port = 0, ...handlerPorts] = lease.ports;
  const handlers = (options.handlers ?? [{}]).map((one, index) => fillIn(one, index, handlerPorts));
  const uuid = randomUUID();
  const chroot = mkdtempSync(join(tmpdir(), 'm2-e2e-'));
  for (const folder of ['run', 'logs', 'tmp', 'uploads']) mkdirSync(join(chroot, folder));
  const settings = {
    'server.daemonize': 0,
    control_port: 'ipc://run/control',
    'download.flow_control': options.flowControl === true ? 1 : 0,
    ...options.settings,
  };
  writeFileSync(join(chroot, 'mongrel2.conf'), formatConfig({ uuid, chroot, port, handlers, settings }));
  execFileSync('m2sh', ['load', '-config', 'mongrel2.conf', '-db', 'config.sqlite'], {
    cwd: chroot,
    // Without a login m2sh wants to be told who loads the configuration.
    env: { ...process.env, LOGNAME: process.env.LOGNAME ?? 'm2-tests' },
    stdio: 'pipe',
  });
  return new Mongrel2Process(uuid, port, chroot, handlers, lease);
}

function fillIn(options: HandlerOptions, index: number, ports: readonly number[]): HandlerConfig {
  const recvPort = ports[index * 2];
  const sendPort = ports[index * 2 + 1];
  if (sendPort === undefined) throw new Error('One Mongrel2 of the tests has at most three handlers.');
  const sendIdent = options.sendIdent ?? `m2-${index}`;
  return {
    route: options.route ?? '/',
    protocol: options.protocol ?? 'tnetstring',
    sendIdent,
    recvIdent: options.recvIdent ?? `${sendIdent} `,
    sendSpec: options.sendSpec ?? `tcp://127.0.0.1:${sendPort}`,
    recvSpec: options.recvSpec ?? `tcp://127.0.0.1:${recvPort}`,
    rawPayload: options.rawPayload ?? false,
  };
}

class Mongrel2Process implements RealMongrel2 {
  readonly url: string;
  private child: ChildProcess | undefined;
  private exited: Promise<void> = Promise.resolve();
  private output = '';
  private stopped: Promise<void> | undefined;

  constructor(
    private readonly uuid: string,
    readonly port: number,
    readonly chroot: string,
    readonly handlers: readonly HandlerConfig[],
    private readonly lease: PortLease,
  ) {
    this.url = `http://127.0.0.1:${port}`;
  }

  get connect(): { sendSpec: string; recvSpec: string } {
    const { sendSpec, recvSpec } = this.handlers[0] as HandlerConfig;
    return { sendSpec, recvSpec };
  }

  get pid(): number | undefined {
    return this.child?.pid;
  }

  log(): string {
    return `${this.output}${this.errorLog()}`;
  }

  badReplies(): number {
    return this.errorLog().match(BAD_REPLY)?.length ?? 0;
  }

  private errorLog(): string {
    const path = join(this.chroot, 'logs/error.log');
    return existsSync(path) ? readFileSync(path, 'latin1') : '';
  }

  async start(): Promise<void> {
    if (this.child !== undefined) throw new Error('This Mongrel2 is running.');
    // Left by one that was killed; it would refuse to start while another process has that id.
    rmSync(join(this.chroot, 'run/mongrel2.pid'), { force: true });
    const logged = this.errorLog().length;
    const [command = '', ...args] = [...leash, 'mongrel2', 'config.sqlite', this.uuid];
    const child = spawn(command, args, { cwd: this.chroot, stdio: ['ignore', 'pipe', 'pipe'] });
    this.child = child;
    running.add(child);
    const exit = deferred();
    this.exited = exit.promise;
    child.once('error', (error) => this.keep(`${error}\n`));
    child.once('close', () => {
      running.delete(child);
      this.child = undefined;
      exit.resolve();
    });
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes: Buffer) => this.keep(bytes.toString('latin1')));
    await within(this.accepting(), () => `Mongrel2 answers on port ${this.port}. Its log:\n${this.log()}`, START_MS);
    // A handler whose first address cannot be bound gives up without a word, and Mongrel2 goes on without it.
    const bound = this.errorLog().slice(logged).split('Binding listener SUB socket').length - 1;
    const wanted = new Set(this.handlers.map(({ sendSpec }) => sendSpec)).size;
    if (bound !== wanted) throw new Error(`Mongrel2 could bind only ${bound} of its ${wanted} handlers. Its log:\n${this.log()}`);
  }

  async kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    this.child?.kill(signal);
    await within(this.exited, () => `Mongrel2 ends after ${signal}. Its log:\n${this.log()}`, START_MS);
  }

  async restart(signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
    await this.kill(signal);
    await this.start();
  }

  stop(): Promise<void> {
    this.stopped ??= (async () => {
      await this.kill('SIGKILL');
      await this.lease.release();
      rmSync(this.chroot, { recursive: true, force: true });
    })();
    return this.stopped;
  }

  private keep(text: string): void {
    this.output = `${this.output}${text}`.slice(-OUTPUT_KEPT);
  }

  /** Its port listens before its tasks run: only an answer shows that they do. Nothing tells when to look, so it is asked again. */
  private async accepting(): Promise<void> {
    while (this.child !== undefined) {
      if (await answers(this.port)) return;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    throw new Error(`Mongrel2 ended instead of starting. Its log:\n${this.log()}`);
  }
}

/** Whether a request that Mongrel2 answers by itself (an HTTP version that it refuses) gets its answer. */
export function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write('GET / HTTP/3.9\r\n\r\n'));
    let answered = false;
    socket.once('data', () => {
      answered = true;
      socket.destroy();
    });
    socket.once('error', () => {});
    socket.once('close', () => resolve(answered));
  });
}
