import { afterTick } from '#platform';

/** How long a test waits for an event before it says that it did not come, in milliseconds. */
const DEADLINE_MS = 10_000;

/** The promise, or a rejection that names `what` was waited for once `ms` have passed (default 10,000). */
export async function within<T>(promise: Promise<T>, what: string, ms: number = DEADLINE_MS): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Waited ${ms} ms in vain for ${what}.`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Resolves once `condition` holds, which is looked at after each turn of the event loop; rejects after `ms` (default 10,000), naming `what`. */
export async function eventually(condition: () => boolean, what: string, ms: number = DEADLINE_MS): Promise<void> {
  const end = performance.now() + ms;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`Waited ${ms} ms in vain until ${what}.`);
    await new Promise<void>((resolve) => afterTick(resolve));
  }
}

/** Resolves after so many turns of the event loop: for showing that something does *not* happen. */
export async function turns(count: number): Promise<void> {
  for (let n = 0; n < count; n++) await new Promise<void>((resolve) => afterTick(resolve));
}
