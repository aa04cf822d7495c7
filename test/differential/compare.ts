import { newHash } from '../harness/pattern.js';
import type { KindId } from './apps/kind.js';
import type { Case, Step } from './case.js';
import type { Answer, Observed, Outcome } from './outcome.js';
import type { TargetId } from './targets/target.js';

/** One thing that is not as on `node:http`. */
export interface Difference {
  readonly target: TargetId;
  readonly kind: KindId;
  readonly one: Case;
  /** The request; of the connection as a whole, the last one. */
  readonly step: Step;
  readonly index: number;
  /** Which thing, such as `status`, `header content-length`, `seen header host`, `events response`. */
  readonly field: string;
  /** On `node:http`, as JSON; undefined where it was missing. */
  readonly expected: string | undefined;
  readonly actual: string | undefined;
}

/** Everything that can be compared of an outcome, by the name of the thing; values as JSON. */
type Facts = ReadonlyMap<string, string>;

/** What differs between the outcome on `node:http` and the one on a target. */
export function compare(target: TargetId, kind: KindId, one: Case, expected: Outcome, actual: Outcome): Difference[] {
  const differences: Difference[] = [];
  const note = (index: number, before: Facts, after: Facts): void => {
    const step = one.steps[index] as Step;
    for (const field of new Set([...before.keys(), ...after.keys()])) {
      const pair = { expected: before.get(field), actual: after.get(field) };
      if (pair.expected !== pair.actual) differences.push({ target, kind, one, step, index, field, ...pair });
    }
  };
  for (const index of one.steps.keys()) note(index, factsOf(expected, one, index), factsOf(actual, one, index));
  const connection = (outcome: Outcome): Facts => new Map([['connection', `${outcome.connection}`]]);
  note(one.steps.length - 1, connection(expected), connection(actual));
  return differences;
}

/** The facts of one request of an outcome. */
function factsOf({ answers, observed }: Outcome, one: Case, index: number): Facts {
  const facts = new Map<string, string>();
  const set = (field: string, value: unknown): void => {
    if (value !== undefined) facts.set(field, JSON.stringify(value));
  };
  const answer = answers[index];
  set('answer', answer === undefined ? 'none' : answer.how);
  if (answer !== undefined) setAnswer(set, answer);
  set('seen', observed[index] !== undefined);
  const saw = observed[index];
  if (saw !== undefined) setObserved(set, saw);
  // How much of a body has come that nobody reads is a matter of time.
  if (one.steps[index]?.plan.read === 'none') facts.delete('at close req.complete');
  return facts;
}

type Set = (field: string, value: unknown) => void;

function setAnswer(set: Set, answer: Answer): void {
  set('fault', answer.fault);
  set('version', answer.version);
  set('status', answer.status);
  set('reason', answer.reason);
  set('framing', answer.framing);
  for (const [name, lines] of Object.entries(answer.headers ?? {}))
    set(`header ${name}`, name === 'date' ? lines.map(anyDate) : lines);
  set('body', answer.body === undefined ? undefined : fingerprint(answer.body));
  for (const [name, lines] of Object.entries(answer.trailers ?? {})) set(`trailer ${name}`, lines);
  if (answer.interim !== undefined && answer.interim.length > 0) set('interim', answer.interim);
}

function setObserved(set: Set, { seen, body, bodyBroke, request, response, closing }: Observed): void {
  set('seen method', seen.method);
  set('seen url', seen.url);
  set('seen version', seen.httpVersion);
  for (const [name, value] of Object.entries(seen.headers)) set(`seen header ${name}`, value);
  for (const [name, values] of Object.entries(seen.rawHeaders ?? {})) set(`seen raw ${name}`, values);
  for (const [name, value] of Object.entries(seen.framework ?? {})) set(`seen ${name}`, value);
  set('seen body', body === undefined ? undefined : `${body.size} bytes ${body.hash}`);
  if (body !== undefined && Object.keys(body.trailers).length > 0) set('seen trailers', body.trailers);
  if (bodyBroke) set('seen body', 'broken off');
  set('events request', request);
  set('events response', response);
  for (const [name, value] of Object.entries(closing ?? {})) set(`at close ${name}`, value);
}

/** Dates differ from one second to the next; that it is a date must not. */
const anyDate = (value: string): string =>
  new Date(value).toUTCString() === value && value.includes(`${new Date().getUTCFullYear()}`) ? 'now' : value;

/** Short bodies as text, so that a difference can be read; others by size and hash. */
function fingerprint(body: Buffer): string {
  const short = body.length <= 120 && /^[\x20-\x7e\r\n]*$/.test(body.toString('latin1'));
  return short ? body.toString('latin1') : `${body.length} bytes ${newHash().update(body).digest('hex').slice(0, 16)}`;
}
