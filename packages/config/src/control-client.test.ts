import { join } from 'node:path';
import { encodeTnetstring, type TnetstringInput } from '@m2/core';
import { ZmtpResponder } from '@m2/transport-zmtp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newFolder } from '../test/support.js';
import { ControlClient } from './control-client.js';

const table = (headers: readonly string[], ...rows: readonly TnetstringInput[]): TnetstringInput => ({ headers, rows });

describe('ControlClient', () => {
  let responder: ZmtpResponder;
  let client: ControlClient;
  let answer: () => readonly Uint8Array[] | Promise<readonly Uint8Array[]>;
  const asked: string[] = [];
  beforeEach(async () => {
    asked.length = 0;
    responder = new ZmtpResponder({
      answer: (parts) => {
        asked.push(Buffer.concat([...parts]).toString('latin1'));
        return answer();
      },
    });
    const address = await responder.bind(`ipc://${join(newFolder(), 'control')}`);
    client = new ControlClient(address, { timeoutMs: 5000 });
  });
  afterEach(async () => {
    await client.close();
    await responder.close();
  });
  const answering = (value: TnetstringInput) => {
    answer = () => [encodeTnetstring(value)];
  };

  it('asks as Mongrel2 wants to be asked', async () => {
    answering(table(['status'], ['OK']));
    await client.kill(7);
    await client.request('status', { what: 'net' }).catch(() => {});
    expect(asked).toEqual(['19:4:kill,9:2:id,1:7#}]', '26:6:status,13:4:what,3:net,}]']);
  });

  it('reads tables by their headers, whatever their order', async () => {
    answering(
      table(
        ['bytes_written', 'id', 'type', 'fd', 'last_ping', 'last_read', 'last_write', 'bytes_read', 'new'],
        [9, -1, 3, 5, 1, 2, 3, 8, 'x'],
        [0, 4, 9, 6, 0, 0, 0, 0, 'y'],
      ),
    );
    expect(await client.connections()).toEqual([
      { id: -1, fd: 5, type: 'websocket', lastPing: 1, lastRead: 2, lastWrite: 3, bytesRead: 8, bytesWritten: 9 },
      { id: 4, fd: 6, type: 'unknown', lastPing: 0, lastRead: 0, lastWrite: 0, bytesRead: 0, bytesWritten: 0 },
    ]);
    answering(table(['id', 'system', 'name', 'state', 'status'], [1, true, 'SERVER', 'read', 'idle']));
    expect(await client.tasks()).toEqual([{ id: 1, system: true, name: 'SERVER', state: 'read', status: 'idle' }]);
  });

  it.each<[string, readonly Uint8Array[]]>([
    ['2 frames instead of one', [new Uint8Array(1), new Uint8Array(1)]],
    ['no tnetstring', [new TextEncoder().encode('hello')]],
    ['something that is no dict', [encodeTnetstring(['a'])]],
    ['a dict that is no table', [encodeTnetstring({ headers: ['a'] })]],
    ['a dict that is no table', [encodeTnetstring({ headers: [1], rows: [] })]],
    ['a dict that is no table', [encodeTnetstring({ headers: ['a'], rows: [[['deep']]] })]],
    ['an error: no such thing (NOT_FOUND)', [encodeTnetstring({ code: 'NOT_FOUND', error: 'no such thing' })]],
    ['an error: odd (no code)', [encodeTnetstring({ error: 'odd' })]],
  ])('refuses %s', async (message, frames) => {
    answer = () => frames;
    await expect(client.info()).rejects.toMatchObject({
      code: 'M2_CONTROL_REFUSED',
      message: expect.stringContaining(message),
      details: { command: 'info' },
    });
    // It is of use after that.
    answering(table(['uuid'], ['u']));
    expect(await client.uuid()).toBe('u');
  });

  it('gives up in time, when told to, and when closed', async () => {
    answer = () => new Promise(() => {});
    await expect(client.time({ timeoutMs: 20 })).rejects.toMatchObject({ code: 'M2_TIMED_OUT' });
    const stop = new AbortController();
    const waiting = client.help({ signal: stop.signal });
    stop.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    const last = client.uuid();
    await client.close();
    await expect(last).rejects.toMatchObject({ code: 'M2_CLOSED' });
  });

  it('refuses an address that cannot be one', () => {
    expect(() => new ControlClient('http://127.0.0.1:1')).toThrow(expect.objectContaining({ code: 'M2_SPEC_INVALID' }));
  });
});
