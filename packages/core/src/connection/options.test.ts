import { describe, expect, it } from 'vitest';
import { echoPath, settled, start } from '../../test/harness.js';
import { Connection } from './connection.js';
import { resolveOptions } from './options.js';

describe('Connection options', () => {
  it('infers recv_spec for tcp, one port below, and takes the ident from the spec', () => {
    const [server] = resolveOptions('tcp://ident@h:9999').servers;
    expect(server).toMatchObject({ sendIdent: 'ident', recvIdent: undefined, flowControl: 'auto' });
    expect(`${server?.recvSpec}`).toContain('h:9998');
  });

  it.each([
    [{ servers: [] }, 'M2_OPTION_INVALID'],
    [{ sendSpec: 'tcp://h:1', recvSpec: 'tcp://h:1' }, 'M2_SPEC_INVALID'],
    [{ sendSpec: 'ipc:///x' }, 'M2_SPEC_INVALID'],
    [{ sendSpec: 'tcp://h:9', maxTargets: 129 }, 'M2_OPTION_INVALID'],
    [{ sendSpec: 'tcp://h:9', maxPipelined: 1.5 }, 'M2_OPTION_INVALID'],
    [{ sendSpec: 'tcp://h:9', keepAliveMs: -1 }, 'M2_OPTION_INVALID'],
  ])('refuses %j', (options, code) => {
    expect(() => new Connection(options)).toThrow(expect.objectContaining({ code }));
  });

  it('reports a server that is not the one that was named', async () => {
    const { mongrel2, lines } = await start(echoPath, {
      servers: { sendIdent: 'another', recvIdent: 'another ' },
    });
    await mongrel2.connect().request().response();
    await settled();
    const codes = lines.filter((line) => line.level === 'error').map((line) => line.error?.code);
    expect(codes).toEqual(['M2_SUBSCRIPTION_MISMATCH', 'M2_SUBSCRIPTION_MISMATCH']);
  });
});
