import { type Deferred, deferred } from '../harness/deadline.js';
import type { Abort } from './case.js';
import type { Plan, Seen, SeenBody } from './plan.js';

/** One request's stay in an app: what the app is to do, and what it saw. */
export class Visit {
  seen: Seen | undefined;
  body: SeenBody | undefined;
  /** What reading the body ended with, when not with its end. */
  bodyBroke = false;
  /** Events of the request and of the response, or of what stands for them, in order. */
  readonly events: { readonly request: string[]; readonly response: string[] } = { request: [], response: [] };
  /** What held when the response was over. */
  closing: Readonly<Record<string, unknown>> | undefined;
  /** The app has the request. */
  readonly began: Deferred<void> = deferred();
  /** The app has a part of the request's body. */
  readonly readSome: Deferred<void> = deferred();
  /** The app has the whole of it. */
  readonly readAll: Deferred<void> = deferred();
  /** The client has what it waits for: the app may fail now. */
  readonly failNow: Deferred<void> = deferred();
  /** The case is over: what still waits may end. */
  readonly released: Deferred<void> = deferred();
  /** The app has seen the end of the request and of the response. */
  readonly settled: Deferred<void> = deferred();

  constructor(
    readonly plan: Plan,
    /** Where the client leaves before the answer is complete. */
    readonly leaves: Abort['when'] | undefined,
  ) {}
}

/** The plans of one app and one target, by the key in a request's path. */
export class Visits {
  private readonly visits = new Map<string, Visit>();

  /** Gets the app ready for a request. */
  expect(key: string, plan: Plan, leaves: Abort['when'] | undefined): Visit {
    const visit = new Visit(plan, leaves);
    this.visits.set(key, visit);
    return visit;
  }

  /** The visit that a request is; undefined for a request that asks whether the connection is alive. */
  find(url: string): Visit | undefined {
    const [, , name = '', step = ''] = url.split('?', 1)[0]?.split('/') ?? [];
    return this.visits.get(`${name}/${step}`);
  }

  /** The case is over. */
  forget(key: string): void {
    this.visits.get(key)?.released.resolve();
    this.visits.delete(key);
  }
}
