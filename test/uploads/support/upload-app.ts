import { deferred, within } from '../../harness/deadline.js';
import { EventLog } from '../../harness/event-log.js';
import { newHash } from '../../harness/pattern.js';

/** What happened to the body of one request: how far it was read, or why that failed. */
export interface BodyEvent {
  readonly path: string;
  /** Bytes read so far. */
  readonly size: number;
  readonly end?: 'whole' | 'broken';
  /** The code of m2's error, when it broke off. */
  readonly code?: string | undefined;
}

/** What `/read` answers. */
export interface Summary {
  readonly size: number;
  readonly hash: string;
}

const codeOf = (error: unknown): string | undefined => {
  const { code, cause } = error as { code?: unknown; cause?: { code?: unknown } };
  const found = typeof code === 'string' ? code : cause?.code;
  return typeof found === 'string' ? found : undefined;
};

/** A fetch app for uploads that tells the test how far it has read. The test holds its gates; nothing in it waits for time. */
export class UploadApp {
  readonly bodies = new EventLog<BodyEvent>();
  private readonly gates = new Map<string, ReturnType<typeof deferred<void>>>();

  /** Lets what waits at the gate go on, now or when it comes. */
  open(name: string): void {
    this.gate(name).resolve();
  }

  /** Waits until the app has the request for this path and holds its body back unread. */
  saw(path: string): Promise<BodyEvent> {
    return this.hasRead(path, 0);
  }

  /** Waits until the app has read at least so many bytes of the body for this path. */
  hasRead(path: string, size: number): Promise<BodyEvent> {
    return this.bodies.first(`${size} bytes of ${path} are read`, (event) => event.path === path && event.size >= size);
  }

  /** Waits for the end of the body for this path. */
  ended(path: string): Promise<BodyEvent> {
    return this.bodies.first(`the body of ${path} ends`, (event) => event.path === path && event.end !== undefined);
  }

  readonly fetch = async (request: Request): Promise<Response> => {
    const path = new URL(request.url).pathname;
    const [, route, name = ''] = path.split('/');
    if (route === 'hello') return new Response('hello\n');
    // No event of the body: it is not looked at.
    if (route === 'ignore') return new Response('ignored\n');
    if (route === 'throw') throw new Error('the app threw');
    if (route === 'text') return new Response(await request.text());
    if (route === 'form') return this.form(request);
    if (route === 'first') return this.first(request, path);
    if (route === 'held') {
      this.bodies.add({ path, size: 0 });
      await this.pass(name);
    }
    return Response.json(await this.read(request, path));
  };

  private async form(request: Request): Promise<Response> {
    const file = (await request.formData()).get('file') as File;
    return Response.json({ name: file.name, size: file.size });
  }

  /** Reads one piece only, and answers. */
  private async first(request: Request, path: string): Promise<Response> {
    const reader = request.body?.getReader();
    const size = (await reader?.read())?.value?.length ?? 0;
    this.bodies.add({ path, size });
    return new Response('first\n');
  }

  private async read(request: Request, path: string): Promise<Summary> {
    const hash = newHash();
    let size = 0;
    try {
      for await (const bytes of request.body ?? []) {
        size += bytes.length;
        hash.update(bytes);
        this.bodies.add({ path, size });
        if (path.startsWith('/slow/')) await this.pass(path.slice('/slow/'.length));
      }
    } catch (error) {
      this.bodies.add({ path, size, end: 'broken', code: codeOf(error) });
      throw error;
    }
    this.bodies.add({ path, size, end: 'whole' });
    return { size, hash: hash.digest('hex') };
  }

  private async pass(name: string): Promise<void> {
    await within(this.gate(name).promise, `the test opens the gate ${name}`, 60_000);
  }

  private gate(name: string): ReturnType<typeof deferred<void>> {
    let gate = this.gates.get(name);
    if (gate === undefined) {
      gate = deferred();
      this.gates.set(name, gate);
    }
    return gate;
  }
}
