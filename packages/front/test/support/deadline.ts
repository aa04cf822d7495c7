/** How long anything in these tests may take, in milliseconds: far longer than it does. */
const DEADLINE_MS = 10_000;

/** Waits for `work`, and says what was waited for when it does not come. */
export async function within<T>(work: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: nothing after ${DEADLINE_MS} ms`)), DEADLINE_MS);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Things that come one by one, and who waits for a state of them. */
export class Watched {
  private readonly waiting = new Set<() => void>();

  /** Something changed. */
  changed(): void {
    for (const check of [...this.waiting]) check();
  }

  /** Resolves once `test` is true; it is asked at each change. */
  until(test: () => boolean, what: string): Promise<void> {
    if (test()) return Promise.resolve();
    let check: (() => void) | undefined;
    const met = new Promise<void>((resolve) => {
      check = () => {
        if (test()) resolve();
      };
      this.waiting.add(check);
    });
    return within(met, what).finally(() => this.waiting.delete(check as () => void));
  }
}
