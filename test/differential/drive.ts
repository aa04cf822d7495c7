import { within } from '../harness/deadline.js';
import { RawClient } from '../harness/raw-client.js';
import type { RawResponse, ResponseHead } from '../harness/response-parser.js';
import type { KindId } from './apps/kind.js';
import { groupPairs } from './apps/watch-node.js';
import { type Abort, type Case, headOf, keyOf, nameOf, type Step } from './case.js';
import { type Answer, type Connection, type Observed, type Outcome, observedBy } from './outcome.js';
import type { Target } from './targets/target.js';
import type { Visit } from './visit.js';

/** How long an app may take to see the end of a request that is over, in milliseconds. */
const SETTLE_MS = 4_000;
/** How long a whole answer may take, in milliseconds. */
const ANSWER_MS = 6_000;
/** How long one case may take, in milliseconds. */
const CASE_MS = 15_000;

/** Sends a case to a kind of app on a target, and tells what the client and the app saw. */
export async function drive(target: Target, kind: KindId, one: Case): Promise<Outcome> {
  const drive = new Drive(target, kind, one);
  try {
    return await within(drive.run(), 'the case is over', CASE_MS);
  } catch (error) {
    throw new Error(`${nameOf(one)} of ${kind} on ${target.id}: ${(error as Error).message}`, { cause: error });
  } finally {
    await drive.close();
  }
}

class Drive {
  private readonly visits: readonly Visit[];
  private client: RawClient | undefined;

  constructor(
    private readonly target: Target,
    private readonly kind: KindId,
    private readonly one: Case,
  ) {
    const visits = target.visits(kind);
    const leaves = one.abort?.when;
    this.visits = one.steps.map((step, index) => visits.expect(keyOf(one, index), step.plan, leaves));
  }

  async run(): Promise<Outcome> {
    const { one } = this;
    this.client = await RawClient.connect(this.target.port(this.kind));
    const answers = one.abort === undefined ? await this.talk(this.client) : await this.leave(this.client, one.abort);
    const open = one.abort === undefined && answers.every(({ how }) => how === 'whole');
    const connection =
      one.abort !== undefined ? undefined : open ? await this.probe(this.client, answers.some(saysClose)) : 'closed';
    return { answers, connection, observed: await this.settled() };
  }

  async close(): Promise<void> {
    const visits = this.target.visits(this.kind);
    for (const index of this.visits.keys()) visits.forget(keyOf(this.one, index));
    await this.client?.close();
  }

  private async talk(client: RawClient): Promise<Answer[]> {
    const { steps, pipelined } = this.one;
    const answers: Answer[] = [];
    if (pipelined) client.write(Buffer.concat(steps.flatMap((step, index) => [this.head(index), ...step.wire.map(toBytes)])));
    for (const [index, step] of steps.entries()) {
      if (!pipelined) await this.send(client, index);
      const answer = await this.answer(client, step, this.visits[index] as Visit);
      answers.push(answer);
      if (answer.how !== 'whole' || answer.framing === 'close') break;
    }
    return answers;
  }

  /** The parts of a request in writes of their own, each in a turn of its own. */
  private async send(client: RawClient, index: number): Promise<void> {
    client.write(this.head(index));
    for (const part of (this.one.steps[index] as Step).wire) {
      await new Promise(setImmediate);
      client.write(part);
    }
  }

  private head(index: number): Buffer {
    return Buffer.from(headOf(this.kind, this.one, index), 'latin1');
  }

  private async answer(client: RawClient, step: Step, visit: Visit): Promise<Answer> {
    const { plan } = step;
    const parts: Buffer[] = [];
    let got = 0;
    let head: ResponseHead | undefined;
    // An app that fails late does so when the client has all that comes before the failure.
    const before =
      plan.failure === 'late' && plan.body.kind === 'pieces' ? plan.body.sizes.reduce((sum, size) => sum + size, 0) : 0;
    const sink = (bytes: Buffer): void => {
      parts.push(bytes);
      got += bytes.length;
      if (got >= before) visit.failNow.resolve();
    };
    const onHead = (final: ResponseHead): void => {
      head = final;
      if (step.method === 'HEAD' || before === 0) visit.failNow.resolve();
    };
    try {
      const response = await client.next({ method: step.method, sink, onHead, ms: ANSWER_MS });
      if (response === undefined) return { how: 'nothing' };
      return { how: 'whole', ...answerOf(response), framing: response.framing, body: Buffer.concat(parts), ...moreOf(response) };
    } catch (error) {
      const fault = String((error as Error).message);
      if (isLate(error)) return { how: 'stuck', ...(head && answerOf(head)), body: Buffer.concat(parts) };
      if (head === undefined) return isBroken(error) ? { how: 'nothing' } : { how: 'malformed', fault };
      return { how: 'cut', ...answerOf(head), body: Buffer.concat(parts) };
    }
  }

  /** Does part of an exchange and goes. */
  private async leave(client: RawClient, { when, how }: Abort): Promise<Answer[]> {
    const [visit] = this.visits as [Visit];
    const [step] = this.one.steps as [Step];
    const answers: Answer[] = [];
    await this.send(client, 0);
    const hidden = when === 'request' && step.small && this.target.holdsSmallBodies;
    if (!hidden) await within(visit.began.promise, 'the app has the request');
    if (when === 'waiting') await within(visit.readAll.promise, 'the app has read the body');
    if (when === 'request' && !hidden) await within(visit.readSome.promise, 'the app reads the body');
    if (when === 'answer') answers.push(await this.beginning(client, step));
    if (how === 'half-close') {
      client.halfClose();
      await client.closed().catch(() => {});
    } else if (how === 'reset') await client.reset();
    else await client.close();
    // A request on another connection, which is answered only after that one's end was seen.
    if (hidden) await this.fence();
    return answers;
  }

  /** The head and the pieces of an answer that will not end. */
  private async beginning(client: RawClient, step: Step): Promise<Answer> {
    const body = step.plan.body;
    const size = body.kind === 'pieces' ? body.sizes.reduce((sum, piece) => sum + piece, 0) : 0;
    let head: ResponseHead | undefined;
    const parts: Buffer[] = [];
    await within(
      new Promise<void>((resolve) => {
        const look = (): void => {
          if (head !== undefined && parts.reduce((sum, { length }) => sum + length, 0) >= size) resolve();
        };
        const sink = (bytes: Buffer): void => {
          parts.push(bytes);
          look();
        };
        const onHead = (final: ResponseHead): void => {
          head = final;
          look();
        };
        // It ends with the connection, which is left as soon as enough has come.
        client.next({ method: step.method, sink, onHead }).then(
          () => resolve(),
          () => resolve(),
        );
      }),
      'the beginning of the answer',
    );
    return head === undefined ? { how: 'nothing' } : { how: 'cut', ...answerOf(head), body: Buffer.concat(parts) };
  }

  private async fence(): Promise<void> {
    const other = await RawClient.connect(this.target.port(this.kind));
    try {
      await this.probe(other);
    } finally {
      await other.close();
    }
  }

  /** Whether the connection takes another request, or is closed where the answer says that it will be. */
  private async probe(client: RawClient, closes = false): Promise<Connection> {
    if (!closes) client.write(`GET /${this.kind}/alive HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    try {
      return (await client.next({ ms: ANSWER_MS })) === undefined ? 'closed' : 'kept';
    } catch (error) {
      return isBroken(error) ? 'closed' : isLate(error) ? 'stuck' : 'garbled';
    }
  }

  private async settled(): Promise<(Observed | undefined)[]> {
    const seen = this.visits.filter((visit) => visit.seen !== undefined);
    // What never settles shows in the comparison: its events are missing.
    await Promise.all(seen.map(({ settled }) => within(settled.promise, 'the app sees the end', SETTLE_MS).catch(() => {})));
    return this.visits.map(observedBy);
  }
}

const toBytes = (part: string | Uint8Array): Uint8Array => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part);

const saysClose = ({ headers }: Answer): boolean => headers?.connection?.includes('close') === true;

const isLate = (error: unknown): boolean => String((error as Error).message).startsWith('Did not happen');

const isBroken = (error: unknown): boolean => ['ECONNRESET', 'EPIPE'].includes((error as NodeJS.ErrnoException).code ?? '');

const answerOf = ({ version, status, reason, headers }: ResponseHead) => ({
  version,
  status,
  reason,
  headers: groupPairs(headers.flat()),
});

const moreOf = ({ trailers, interim }: RawResponse) => ({
  trailers: groupPairs(trailers.flat()),
  interim: interim.map(({ status, headers }) => ({ status, headers: groupPairs(headers.flat()) })),
});
