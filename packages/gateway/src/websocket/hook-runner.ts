import type { Logger, M2Error } from '@m2/core';
import type { CloseDetails, WebSocketHooks } from './hooks.js';
import type { Message } from './message.js';
import { INTERNAL_ERROR, type Peer } from './peer.js';
import type { WebSocketStats } from './stats.js';

/** Calls hooks, and catches what they throw or reject with: no hook can end the server, or stand in for another. */
export class HookRunner<Context> {
  constructor(
    private readonly hooks: WebSocketHooks<Context>,
    private readonly stats: WebSocketStats,
    private readonly logger: Logger | undefined,
  ) {}

  open(peer: Peer<Context>): void {
    try {
      this.follow(peer, 'open', this.hooks.open?.(peer));
    } catch (error) {
      this.hookFailed(peer, 'open', error);
    }
  }

  message(peer: Peer<Context>, message: Message): void {
    try {
      this.follow(peer, 'message', this.hooks.message?.(peer, message));
    } catch (error) {
      this.hookFailed(peer, 'message', error);
    }
  }

  drain(peer: Peer<Context>): void {
    try {
      this.follow(peer, 'drain', this.hooks.drain?.(peer));
    } catch (error) {
      this.hookFailed(peer, 'drain', error);
    }
  }

  close(peer: Peer<Context>, details: CloseDetails): void {
    try {
      this.follow(peer, 'close', this.hooks.close?.(peer, details));
    } catch (error) {
      this.hookFailed(peer, 'close', error);
    }
  }

  /** The client broke a rule. */
  failed(peer: Peer<Context>, error: M2Error): void {
    if (this.hooks.error === undefined) this.log(peer).debug(error.message, error.details);
    else this.tell(peer, error);
  }

  private follow(peer: Peer<Context>, hook: string, result: unknown): void {
    if (typeof result !== 'object' || result === null || typeof (result as { then?: unknown }).then !== 'function') return;
    Promise.resolve(result).catch((error: unknown) => this.hookFailed(peer, hook, error));
  }

  private hookFailed(peer: Peer<Context>, hook: string, error: unknown): void {
    this.stats.hookErrors++;
    if (this.hooks.error === undefined) {
      this.log(peer).error(`The WebSocket hook ${hook} failed for ${peer.request.url}; its peer is closed with 1011.`, {
        error,
        peer: peer.id,
      });
    } else this.tell(peer, error);
    peer.close(INTERNAL_ERROR);
  }

  private tell(peer: Peer<Context>, error: unknown): void {
    try {
      const result: unknown = this.hooks.error?.(peer, error);
      if (result instanceof Promise) result.catch((failure: unknown) => this.errorHookFailed(peer, failure, error));
    } catch (failure) {
      this.errorHookFailed(peer, failure, error);
    }
  }

  private errorHookFailed(peer: Peer<Context>, failure: unknown, error: unknown): void {
    this.stats.hookErrors++;
    this.log(peer).error('The WebSocket hook error failed.', { error: failure, about: error, peer: peer.id });
  }

  private log(peer: Peer<Context>): Logger {
    return this.logger ?? peer.client.link.logger;
  }
}
