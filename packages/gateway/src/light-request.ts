import { toHeaders } from './request-headers.js';
import { type BodyKind, bodyKindOf, type ExchangeLike, realRequest, signalOf } from './request-source.js';

const decoder = new TextDecoder();

/**
 * A Request that costs next to nothing until it is asked for more than its method and URL. Headers and signal are made when
 * they are read; a whole body is read where it lies; for all else the platform's own Request is made, once, and asked.
 */
export class LightRequest {
  readonly #method: string;
  readonly #url: string;
  readonly #source: ExchangeLike;
  readonly #kind: BodyKind;
  #headers: Headers | undefined;
  #signal: AbortSignal | undefined;
  #real: Request | undefined;
  /** `#headers` is not the object that `#real` has. */
  #apart = false;
  /** A whole body was read here. */
  #used = false;

  constructor(url: string, source: ExchangeLike) {
    this.#method = source.request.method;
    this.#url = url;
    this.#source = source;
    this.#kind = bodyKindOf(source);
  }

  get method(): string {
    return this.#method;
  }

  get url(): string {
    return this.#url;
  }

  get headers(): Headers {
    this.#headers ??= this.#real?.headers ?? toHeaders(this.#source.request.headers);
    return this.#headers;
  }

  get signal(): AbortSignal {
    this.#signal ??= signalOf(this.#source);
    return this.#signal;
  }

  get duplex(): 'half' {
    return 'half';
  }

  get bodyUsed(): boolean {
    return this.#real?.bodyUsed ?? this.#used;
  }

  get body(): ReadableStream<Uint8Array> | null {
    return this.#kind === 'none' ? null : this.#realRequest().body;
  }

  async text(): Promise<string> {
    const bytes = this.#take();
    return bytes === undefined ? this.#realRequest().text() : decoder.decode(bytes);
  }

  async json(): Promise<unknown> {
    const bytes = this.#take();
    return bytes === undefined ? this.#realRequest().json() : JSON.parse(decoder.decode(bytes));
  }

  async bytes(): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = this.#take();
    return new Uint8Array(bytes ?? (await this.#realRequest().arrayBuffer()));
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    const bytes = this.#take();
    return bytes === undefined ? this.#realRequest().arrayBuffer() : new Uint8Array(bytes).buffer;
  }

  /** The whole body, when it is here and nobody has begun to read it; from then on it is used. */
  #take(): Uint8Array | undefined {
    if (this.#kind !== 'whole' || this.#used || this.#real !== undefined) return undefined;
    this.#used = true;
    return this.#source.request.body;
  }

  /** The platform's own Request, in the state that this one is in. */
  #realRequest(): Request {
    if (this.#real === undefined) {
      this.#apart = this.#headers !== undefined;
      this.#real = realRequest(this.#url, this.#source, this.#kind, { headers: this.#headers, signal: this.signal });
      if (this.#used) void this.#real.body?.cancel();
    } else if (this.#apart && this.#headers !== undefined) copyHeaders(this.#headers, this.#real.headers);
    return this.#real;
  }

  /** @internal */
  static realOf(request: LightRequest): Request {
    return request.#realRequest();
  }
}

/** What an app set in the headers it was given goes along into every copy of the request. */
function copyHeaders(from: Headers, to: Headers): void {
  for (const name of [...to.keys()]) to.delete(name);
  for (const [name, value] of from) to.append(name, value);
}

type Wrapped = (this: LightRequest, ...values: unknown[]) => unknown;

/** Everything else that the platform's Request has is asked of a real one. */
function delegate(key: string | symbol, isMethod: boolean): PropertyDescriptor {
  const real = (light: LightRequest): Readonly<Record<string | symbol, unknown>> =>
    LightRequest.realOf(light) as unknown as Readonly<Record<string | symbol, unknown>>;
  const method: Wrapped = function (...values) {
    const target = real(this);
    return (target[key] as (...values: unknown[]) => unknown).apply(target, values);
  };
  if (isMethod) return { value: method, writable: true, configurable: true };
  return {
    get(this: LightRequest): unknown {
      return real(this)[key];
    },
    configurable: true,
  };
}

function dressUp(): void {
  const light = LightRequest.prototype;
  for (const name of Object.getOwnPropertyNames(Request.prototype)) {
    if (Object.hasOwn(light, name)) continue;
    const descriptor = Object.getOwnPropertyDescriptor(Request.prototype, name);
    Object.defineProperty(light, name, delegate(name, typeof descriptor?.value === 'function'));
  }
  // Where a Request keeps its state under symbols (Node 20 and 22), new Request(light) finds it through these.
  for (const symbol of Object.getOwnPropertySymbols(new Request('http://localhost/'))) {
    Object.defineProperty(light, symbol, delegate(symbol, false));
  }
  Object.defineProperty(light, 'constructor', { value: Request, writable: true, configurable: true });
  Object.setPrototypeOf(light, Request.prototype);
}

dressUp();

/** Whether the platform takes a light request for one of its own where it is handed back: `new Request(light)`, `fetch(light)`. */
export function lightRequestsPass(): boolean {
  try {
    const copy = new Request(lightRequest('http://localhost/probe', probe()));
    return (
      copy.url === 'http://localhost/probe' &&
      copy.method === 'PUT' &&
      copy.headers.get('x-probe') === 'yes' &&
      copy.body !== null
    );
  } catch {
    return false;
  }
}

/** A light request, as the type that it passes for. */
export const lightRequest = (url: string, source: ExchangeLike): Request => new LightRequest(url, source) as unknown as Request;

function probe(): ExchangeLike {
  const body = new Uint8Array([112]);
  return {
    request: { method: 'PUT', headers: new Map([['x-probe', 'yes']]), body },
    body: { length: 1, whole: body, read: () => Promise.resolve(undefined), cancel: () => {} },
    signal: new AbortController().signal,
  };
}
