import { M2Error } from '@m2/core';

/** An error as plain data, for JSON lines. */
export interface ErrorFacts {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
  readonly details?: Readonly<Record<string, unknown>>;
  /** Not for m2's own errors: their message says what to do, and their stack points into m2. */
  readonly stack?: string;
  readonly cause?: ErrorFacts;
}

/** Causes of causes are followed this far: a chain may be a circle. */
const MAX_CAUSES = 8;

/** What is known of anything that was thrown. */
export function errorFacts(error: unknown, depth = 0): ErrorFacts {
  if (!(error instanceof Error)) return { name: 'thrown', message: textOf(error) };
  const code: unknown = (error as { code?: unknown }).code;
  const own = M2Error.is(error);
  return {
    name: error.name,
    message: error.message,
    ...(typeof code === 'string' ? { code } : {}),
    ...(own && Object.keys(error.details).length > 0 ? { details: error.details } : {}),
    ...(own || error.stack === undefined ? {} : { stack: error.stack }),
    ...(error.cause === undefined || depth >= MAX_CAUSES ? {} : { cause: errorFacts(error.cause, depth + 1) }),
  };
}

function textOf(value: unknown): string {
  try {
    return typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
  } catch {
    return Object.prototype.toString.call(value);
  }
}

/** Where Node's own loader stood says nothing of the mistake. */
const INTERNAL = /^\s+at .*\bnode:internal\//;

/** The lines that follow the message of an error: its own stack where it is not m2's, then its causes. */
export function errorLines(facts: ErrorFacts, shown: string): string[] {
  const lines: string[] = [];
  if (facts.stack !== undefined) lines.push(...facts.stack.split('\n').filter((line) => !INTERNAL.test(line)));
  else if (!shown.includes(facts.message)) lines.push(`${facts.name}: ${facts.message}`);
  if (facts.cause !== undefined) {
    const [first = '', ...rest] = errorLines(facts.cause, '');
    lines.push(
      `caused by ${first}${facts.cause.stack === undefined && facts.cause.code !== undefined ? ` [${facts.cause.code}]` : ''}`,
      ...rest,
    );
  }
  return lines;
}
