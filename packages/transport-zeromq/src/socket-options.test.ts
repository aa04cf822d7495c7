import { afterEach, describe, expect, it } from 'vitest';
import * as zeromq from 'zeromq';
import { ConnectionMonitor, closeSocket } from './connection-monitor.js';
import { publisherOptions, pullerOptions } from './socket-options.js';

const open: { close(): void }[] = [];
afterEach(() => {
  for (const socket of open.splice(0)) socket.close();
});

describe('the options of the sockets', () => {
  it('let a PULL keep what it had received when the connection ended', async () => {
    const push = new zeromq.Push({ linger: 5000 });
    await push.bind('tcp://127.0.0.1:0');
    const address = push.lastEndpoint ?? '';
    const pull = new zeromq.Pull(pullerOptions(address));
    open.push(push, pull);
    const lost = new Promise<string>((resolve) => new ConnectionMonitor(pull, () => {}, resolve));
    pull.connect(address);
    for (let at = 0; at < 20; at++) await push.send(`request ${at}`);
    push.close();
    expect(await lost).toBe('lost');
    const texts: string[] = [];
    while (pull.readable) texts.push(...(await pull.receive()).map(String));
    expect(texts).toEqual(Array.from({ length: 20 }, (_, at) => `request ${at}`));
  });

  it('make IPv6 possible only where an address asks for it', () => {
    expect(publisherOptions('tcp://[::1]:9998', true)).toMatchObject({ ipv6: true });
    expect(publisherOptions('tcp://localhost:9998', true)).not.toHaveProperty('ipv6');
    expect(pullerOptions('tcp://[::1]:9999')).toMatchObject({ ipv6: true });
  });

  it('let a publisher refuse what it cannot queue, where the default is to drop it', async () => {
    const sub = new zeromq.Subscriber({ receiveHighWaterMark: 1 });
    await sub.bind('tcp://127.0.0.1:0');
    sub.subscribe('');
    const first = sub.receive();
    const address = sub.lastEndpoint ?? '';
    const publisher = new zeromq.XPublisher(publisherOptions(address, true));
    const monitor = new ConnectionMonitor(
      publisher,
      () => {},
      () => {},
    );
    open.push(sub);
    publisher.connect(address);
    await publisher.receive();
    const mebibyte = Buffer.alloc(1024 * 1024);
    const flood = async () => {
      for (let at = 0; at < 1000; at++) await publisher.send(mebibyte);
    };
    await expect(flood()).rejects.toMatchObject({ code: 'EAGAIN' });
    await first;
    await closeSocket(publisher, monitor, 0);
  });
});
