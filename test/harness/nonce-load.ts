import { randomUUID } from 'node:crypto';
import { EventLog } from './event-log.js';
import { RawClient } from './raw-client.js';

/**
 * Clients that ask for `/nonce`, each request with a nonce that its answer must carry: whatever reaches the wrong client is
 * seen.
 */
export class NonceLoad {
  /** Requests whose whole answer came. */
  answered = 0;
  /** Requests that got no whole answer: their connection broke or was closed. */
  unanswered = 0;
  /** Answers that were meant for somebody else, or for nobody. Always to be empty. */
  readonly strangers: string[] = [];
  private readonly progress = new EventLog<number>();

  constructor(private readonly port: number) {}

  /** Asks one request after the other on one connection, while `more` says so and the connection lasts. */
  async connection(more: () => boolean): Promise<void> {
    const client = await RawClient.connect(this.port);
    try {
      while (more()) {
        if (!(await this.once(client))) return;
      }
    } finally {
      await client.close();
    }
  }

  /** Waits until this many requests in all were answered. */
  async reaches(answered: number): Promise<void> {
    await this.progress.first(`${answered} answers (${this.answered} now)`, (count) => count >= answered, 0, 30_000);
  }

  private async once(client: RawClient): Promise<boolean> {
    const nonce = randomUUID();
    client.get('/nonce', [`X-Nonce: ${nonce}`]);
    const response = await client.response({ ms: 30_000 }).catch(() => undefined);
    if (response === undefined) {
      this.unanswered++;
      return false;
    }
    const ours = response.status === 200 && response.header('x-nonce') === nonce && response.text() === `${nonce}\n`;
    if (ours) this.progress.add(++this.answered);
    else this.strangers.push(`for ${nonce} came ${response.status} ${response.text()}`);
    return true;
  }
}
