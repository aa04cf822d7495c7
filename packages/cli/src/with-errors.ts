import type { Logger } from '@m2/core';
import { exitCodeOf } from './exit-codes.js';

/** Runs a command; an error is logged once, in the form that the user asked for, and becomes its exit code. */
export async function withErrors(logger: Logger, run: () => Promise<number>): Promise<number> {
  try {
    return await run();
  } catch (error) {
    logger.error(error instanceof Error ? error.message : `Something that is no Error was thrown: ${String(error)}`, { error });
    return exitCodeOf(error);
  }
}
