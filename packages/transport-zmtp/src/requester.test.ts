import { M2Error } from '@m2/core';
import { afterEach, describe, expect, it } from 'vitest';
import { handshake, message, RawListener } from '../test/raw-peer.js';
import { bytes, openSocket } from '../test/socket-log.js';
import { freeAddress, latin1, numbered, Signal } from '../test/support.js';
import { ZmtpRequester } from './requester.js';
import { ZmtpResponder } from './responder.js';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const quick = { reconnect: { firstMs: 1, longestMs: 20, stableMs: 0 } };

function requester(address: string): ZmtpRequester {
  const made = new ZmtpRequester(address, quick);
  closers.push(() => made.close());
  return made;
}

const ask = async (from: ZmtpRequester, text: string, options = {}): Promise<string> =>
  (await from.request(text.split('|').map(bytes), options)).map(latin1).join('|');

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'answered',
    (error: unknown) => (M2Error.is(error) ? error.code : error),
  );

/** Answers each question with its frames in capitals. */
async function responder(troubles: unknown[] = []): Promise<{ address: string; made: ZmtpResponder }> {
  const answer = async (parts: readonly Uint8Array[]) => {
    if (latin1(parts[0] as Uint8Array) === 'fail') throw new Error('no answer');
    return parts.map((part) => bytes(latin1(part).toUpperCase()));
  };
  const made = new ZmtpResponder({ answer, trouble: (cause) => troubles.push(cause) });
  closers.push(() => made.close());
  return { address: await made.bind('tcp://127.0.0.1:0'), made };
}

describe('questions and answers', () => {
  it('go to and fro, one at a time, in order', async () => {
    const { address } = await responder();
    const one = requester(address);
    const answers = await Promise.all(numbered('q', 100).map((text) => ask(one, `${text}||z`)));
    expect(answers).toEqual(numbered('Q', 100).map((text) => `${text}||Z`));
  });

  it('of several peers do not get mixed up', async () => {
    const { address } = await responder();
    const many = Array.from({ length: 20 }, () => requester(address));
    const answers = await Promise.all(many.map((one, at) => ask(one, `q${at}`)));
    expect(answers).toEqual(numbered('Q', 20));
  });

  it('work through a ROUTER and from a DEALER', async () => {
    const router = openSocket('ROUTER');
    closers.push(() => router.socket.close());
    const one = requester(await router.socket.bind('tcp://127.0.0.1:0'));
    const answer = ask(one, 'q');
    await router.has(1);
    const [identity, delimiter, question] = router.batch[0] as Uint8Array[];
    expect([delimiter?.length, latin1(question as Uint8Array)]).toEqual([0, 'q']);
    router.socket.send([identity as Uint8Array, bytes(''), bytes('a')]);
    expect(await answer).toBe('a');
    const { address } = await responder();
    const dealer = openSocket('DEALER');
    closers.push(() => dealer.socket.close());
    dealer.socket.connect(address);
    dealer.send('tag', '', 'q');
    await dealer.has(1);
    expect(dealer.texts).toEqual(['tag||Q']);
  });

  it('a responder may connect, too', async () => {
    const dealer = openSocket('DEALER');
    closers.push(() => dealer.socket.close());
    const { made } = await responder();
    made.connect(await dealer.socket.bind('tcp://127.0.0.1:0'));
    dealer.send('', 'q');
    await dealer.has(1);
    expect(dealer.texts).toEqual(['|Q']);
  });

  it('wait for the peer to be there', async () => {
    const address = await freeAddress();
    const one = requester(address);
    const answer = ask(one, 'q');
    const made = new ZmtpResponder({ answer: () => [bytes('here')] });
    closers.push(() => made.close());
    await made.bind(address);
    expect(await answer).toBe('here');
  });
});

describe('a question without an answer', () => {
  it('times out, and a late answer is not taken for that of the next', async () => {
    const late = await RawListener.listen();
    closers.push(() => late.close());
    const one = requester(late.address);
    const first = ask(one, 'first', { timeoutMs: 200 });
    const second = ask(one, 'second');
    const peer = await late.peer(1);
    peer.write(handshake('REP'));
    await peer.until('the first question is here', () => peer.after('REQ').includes('first'));
    expect(peer.after('REQ')).toBe('\x01\0\0\x05first');
    expect(await codeOf(first)).toBe('M2_TIMED_OUT');
    peer.write(message('', true), message('answer to the first'));
    const next = await late.peer(2);
    next.write(handshake('REP'));
    await next.until('the second question is here', () => next.after('REQ').includes('second'));
    const answer = (text: string) => Buffer.concat([message('', true), message(text)]);
    next.write(message('no delimiter'), answer('answer to the second'), answer('nobody asked'));
    expect(await second).toBe('answer to the second');
    const third = ask(one, 'third');
    await next.until('the third question is here', () => next.after('REQ').includes('third'));
    next.write(answer('answer to the third'));
    expect(await third).toBe('answer to the third');
  });

  it('rejects when the peer goes away, and only that one', async () => {
    const listener = await RawListener.listen();
    closers.push(() => listener.close());
    const one = requester(listener.address);
    const first = codeOf(ask(one, 'first'));
    const second = ask(one, 'second');
    const peer = await listener.peer(1);
    peer.write(handshake('REP'));
    await peer.until('the first question is here', () => peer.after('REQ').includes('first'));
    peer.socket.destroy();
    expect(await first).toBe('M2_LINK_DOWN');
    const next = await listener.peer(2);
    next.write(handshake('REP'));
    await next.until('the second question is here', () => next.after('REQ').includes('second'));
    next.write(message('', true), message('answer'));
    expect(await second).toBe('answer');
  });

  it('rejects when it is aborted, before, meanwhile, and while it waits its turn', async () => {
    const one = requester(await freeAddress());
    const reason = new Error('changed my mind');
    expect(await codeOf(ask(one, 'q', { signal: AbortSignal.abort(reason) }))).toBe(reason);
    const controller = new AbortController();
    const waiting = [ask(one, 'a', controller), ask(one, 'b', controller)].map(codeOf);
    controller.abort(reason);
    expect(await Promise.all(waiting)).toEqual([reason, reason]);
    expect(await codeOf(ask(one, 'q', { timeoutMs: 20 }))).toBe('M2_TIMED_OUT');
  });

  it('rejects when the requester is closed', async () => {
    const one = requester(await freeAddress());
    const waiting = [ask(one, 'a'), ask(one, 'b')].map(codeOf);
    const closed = one.close();
    expect(one.close()).toBe(closed);
    expect(await Promise.all(waiting)).toEqual(['M2_CLOSED', 'M2_CLOSED']);
    expect(await codeOf(ask(one, 'c'))).toBe('M2_CLOSED');
    await closed;
  });
});

describe('a responder', () => {
  it('tells of answers that fail, of questions without an envelope, and of who went away', async () => {
    const signal = new Signal();
    const troubles: string[] = [];
    let answer: (parts: Uint8Array[]) => void = () => {};
    const made = new ZmtpResponder({
      answer: ([part]) => {
        if (latin1(part as Uint8Array) === 'fail') throw new Error('no answer');
        return new Promise((resolve) => {
          answer = resolve;
          signal.changed();
        });
      },
      trouble: (cause) => {
        troubles.push(M2Error.is(cause) ? cause.code : (cause as Error).message);
        signal.changed();
      },
    });
    closers.push(() => made.close());
    const dealer = openSocket('DEALER');
    const address = await made.bind('tcp://127.0.0.1:0');
    dealer.socket.connect(address);
    dealer.send('no envelope');
    dealer.send('', 'fail');
    await signal.until('both are told', () => troubles.length === 2);
    dealer.send('', 'slow');
    const before = answer;
    await signal.until('the question is here', () => answer !== before);
    await dealer.socket.close();
    // The responder sees the end in its own time; until it does, an answer would be taken.
    const probe = openSocket('DEALER');
    closers.push(() => probe.socket.close());
    probe.socket.connect(address);
    await probe.hasPeers(1);
    answer([bytes('too late')]);
    await signal.until('it is told', () => troubles.length === 3);
    expect(troubles).toEqual(['M2_PEER_PROTOCOL', 'no answer', 'M2_LINK_DOWN']);
  });
});
