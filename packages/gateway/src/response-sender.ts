import { type HttpExchange, isBodiless, M2Error } from '@m2/core';
import { appFailure, appThrew, describeError, type FailurePlace } from './app-failure.js';
import { knownBody } from './known-body.js';
import { checkResponse } from './response-check.js';
import type { ResponseStreams } from './response-streams.js';
import { isEventStream, StreamPump } from './stream-pump.js';

/** Sends what an app returned. What cannot be sent is thrown as `M2_APP_FAILED`, with nothing sent yet or the answer cut short. */
export class ResponseSender {
  constructor(
    private readonly app: string,
    private readonly streams: ResponseStreams,
  ) {}

  /** Where a failure happened. */
  place({ request }: HttpExchange): FailurePlace {
    return { app: this.app, method: request.method, path: request.path };
  }

  /**
   * Sends the response, at once when its body is known.
   * @throws M2Error `M2_APP_FAILED`; a promise rejects with it.
   */
  send(exchange: HttpExchange, value: unknown): void | Promise<void> {
    const fault = checkResponse(value);
    if (fault !== undefined) {
      discard(value);
      throw appFailure(this.place(exchange), ...fault);
    }
    const response = value as Response;
    const { body } = response;
    // A client that left while the app was busy needs nothing any more.
    if (exchange.ended) return discard(response);
    if (body === null) return this.sendWhole(exchange, response, null);
    const known = knownBody(response);
    if (known !== undefined) return this.sendWhole(exchange, response, known);
    if (exchange.request.method === 'HEAD' || isBodiless(response.status)) {
      discard(response);
      return this.sendWhole(exchange, response, null);
    }
    return this.pump(exchange, response, body);
  }

  private sendWhole(exchange: HttpExchange, response: Response, body: string | Uint8Array | null): void {
    const { status, headers } = response;
    try {
      exchange.respond(status, headers, body, reasonOf(response));
    } catch (error) {
      throw this.unsendable(exchange, error);
    }
  }

  private async pump(exchange: HttpExchange, response: Response, body: ReadableStream<Uint8Array>): Promise<void> {
    const pump = new StreamPump(exchange, response, body, reasonOf(response));
    try {
      if (!(await pump.begin())) return;
      this.streams.add(pump, isEventStream(response));
      await pump.rest();
    } catch (error) {
      pump.cancel(error);
      // What fails because the client is gone is nobody's fault.
      if (exchange.ended && exchange.aborted !== undefined) return;
      throw this.streamFailure(exchange, error, pump.began);
    } finally {
      this.streams.delete(pump);
    }
  }

  private unsendable(exchange: HttpExchange, error: unknown): M2Error {
    if (!M2Error.is(error)) return appThrew(this.place(exchange), error);
    return appFailure(
      this.place(exchange),
      'returned a Response that cannot be sent',
      `${error.message} The client got 500.`,
      error,
    );
  }

  private streamFailure(exchange: HttpExchange, error: unknown, began: boolean): M2Error {
    const reason = M2Error.is(error) ? error.message : `The stream failed with "${describeError(error)}".`;
    const end = began ? 'The answer had begun, so it was cut short.' : 'The client got 500.';
    return appFailure(this.place(exchange), 'returned a Response whose body could not be sent', `${reason} ${end}`, error);
  }
}

const reasonOf = ({ statusText }: Response): { reason?: string } => (statusText === '' ? NO_REASON : { reason: statusText });

const NO_REASON = Object.freeze({});

/** Tells what makes a body that nobody will read it. */
function discard(value: unknown): void {
  if (!(value instanceof Response) || value.body === null || value.body.locked) return;
  value.body.cancel().catch(() => {});
}
