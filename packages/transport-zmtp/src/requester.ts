import { M2Error } from '@m2/core';
import { ZmtpSocket } from './socket.js';
import type { SocketOptions } from './socket-options.js';

/** How long an answer may take when the question does not say, in milliseconds. */
const ANSWER_MS = 10_000;

/** Options of one question. */
export interface RequestOptions {
  /** How long the answer may take, in milliseconds, waiting for the connection and for questions before it included. Default 10,000. */
  readonly timeoutMs?: number;
  /** Gives up when aborted. */
  readonly signal?: AbortSignal;
}

interface Question {
  readonly parts: readonly Uint8Array[];
  readonly answered: (parts: Uint8Array[]) => void;
  readonly failed: (reason: unknown) => void;
}

const DELIMITER = new Uint8Array(0);

/**
 * A REQ socket that is connected to one REP or ROUTER socket, such as Mongrel2's control port: a question goes out when the one before it
 * was answered (RFC 28). A question whose answer did not come in time takes its connection with it, so that a late answer is
 * never taken for the next one's.
 */
export class ZmtpRequester {
  private socket: ZmtpSocket;
  private connected = 0;
  private readonly questions: Question[] = [];
  private asked: Question | undefined;
  private closed: Promise<void> | undefined;

  /** @throws M2Error `M2_SPEC_INVALID` */
  constructor(
    private readonly address: string,
    private readonly options: SocketOptions = {},
  ) {
    this.socket = this.open();
  }

  /**
   * Asks, and resolves to the frames of the answer. Rejects with `M2_TIMED_OUT`, with `M2_LINK_DOWN` when the peer goes away
   * before it has answered, with `M2_CLOSED`, or with the signal's reason.
   */
  request(parts: readonly Uint8Array[], options: RequestOptions = {}): Promise<Uint8Array[]> {
    const { timeoutMs = ANSWER_MS, signal } = options;
    return new Promise((resolve, reject) => {
      if (this.closed !== undefined) return reject(closedError(this.address));
      if (signal?.aborted === true) return reject(signal.reason);
      const abort = () => this.drop(question, signal?.reason);
      const timer = setTimeout(() => this.drop(question, timedOut(this.address, timeoutMs)), timeoutMs);
      const done = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', abort);
      };
      const question: Question = {
        parts,
        answered: (answer) => {
          done();
          resolve(answer);
        },
        failed: (reason) => {
          done();
          reject(reason);
        },
      };
      signal?.addEventListener('abort', abort);
      this.questions.push(question);
      this.next();
    });
  }

  /** Closes at once; open questions reject with `M2_CLOSED`. Idempotent. */
  close(): Promise<void> {
    this.closed ??= this.socket.close();
    const open = this.questions.splice(0);
    if (this.asked !== undefined) open.unshift(this.asked);
    this.asked = undefined;
    for (const question of open) question.failed(closedError(this.address));
    return this.closed;
  }

  private open(): ZmtpSocket {
    const socket: ZmtpSocket = new ZmtpSocket(
      'REQ',
      {
        messages: (batch) => {
          if (socket === this.socket) for (const parts of batch) this.received(parts);
        },
        peers: (count) => {
          if (socket === this.socket) this.connection(count);
        },
      },
      this.options,
    );
    socket.connect(this.address);
    return socket;
  }

  /** Sends the next question once there is somebody to ask. */
  private next(): void {
    if (this.asked !== undefined || this.connected === 0) return;
    this.asked = this.questions.shift();
    if (this.asked !== undefined) this.socket.send([DELIMITER, ...this.asked.parts]);
  }

  private received([delimiter, ...answer]: readonly Uint8Array[]): void {
    const { asked } = this;
    // What is no answer, or answers nothing, is dropped (RFC 28).
    if (asked === undefined || delimiter?.length !== 0 || answer.length === 0) return;
    this.asked = undefined;
    asked.answered(answer);
    this.next();
  }

  private connection(count: number): void {
    this.connected = count;
    const { asked } = this;
    if (count === 0 && asked !== undefined) {
      this.asked = undefined;
      asked.failed(new M2Error('M2_LINK_DOWN', `The peer at ${this.address} went away before it had answered.`));
    }
    this.next();
  }

  private drop(question: Question, reason: unknown): void {
    if (question === this.asked) {
      this.asked = undefined;
      void this.socket.close();
      this.connected = 0;
      this.socket = this.open();
    } else this.questions.splice(this.questions.indexOf(question), 1);
    question.failed(reason);
  }
}

const closedError = (address: string) => new M2Error('M2_CLOSED', `The connection to ${address} was closed.`);

const timedOut = (address: string, ms: number) =>
  new M2Error('M2_TIMED_OUT', `No answer came from ${address} within ${ms} ms.`, { details: { address, ms } });
