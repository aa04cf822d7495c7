import type { Plan } from './plan.js';

/** One request: its bytes, and what the app is to do with it. */
export interface Step {
  readonly method: string;
  /** What follows the path that leads to the app and the plan: a query, a longer path. */
  readonly target: string;
  readonly version: '1.0' | '1.1';
  /** Header lines, without Host; latin1. */
  readonly headers: readonly string[];
  /** Without one the request has none. Default `localhost`. */
  readonly host?: string | undefined;
  /** The body's bytes as they go over the wire, chunks framed; each part is written by itself. */
  readonly wire: readonly (string | Uint8Array)[];
  /** The whole body comes with less than this many bytes, and with a Content-Length. */
  readonly small: boolean;
  readonly plan: Plan;
}

/** When a client leaves: in its request's body, while it waits for the answer, or in the middle of it. */
export interface Abort {
  readonly when: 'request' | 'waiting' | 'answer';
  /** The connection is reset, closed, or only the client's own side of it is. */
  readonly how: 'reset' | 'close' | 'half-close';
}

/** What happens on one connection. */
export interface Case {
  /** Its name is `<behaviour>/<index>`. */
  readonly behaviour: string;
  readonly index: number;
  readonly steps: readonly Step[];
  /** The requests are written at once, not each after the answer to the former. */
  readonly pipelined: boolean;
  /** Of the only step. */
  readonly abort?: Abort;
}

/** How a case is called in messages and on the command line. */
export const nameOf = (one: Case): string => `${one.behaviour}/${one.index}`;

/** The path of a step's request below the kind of app. */
export const keyOf = (one: Case, step: number): string => `${one.behaviour}-${one.index}/${step}`;

/** The request up to its body. */
export function headOf(kind: string, one: Case, index: number): string {
  const step = one.steps[index] as Step;
  const host = step.host === undefined ? [] : [`Host: ${step.host}`];
  const line = `${step.method} /${kind}/${keyOf(one, index)}${step.target} HTTP/${step.version}`;
  return `${[line, ...host, ...step.headers].join('\r\n')}\r\n\r\n`;
}
