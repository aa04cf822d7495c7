import { M2Error, SocketSpec } from '@m2/core';

/** An address that Mongrel2 binds, taken apart. */
export type BindAddress =
  | {
      readonly protocol: 'tcp';
      /** `*` for every interface; IPv6 without brackets. */
      readonly host: string;
      readonly port: number;
    }
  | {
      readonly protocol: 'ipc';
      /** As Mongrel2 sees it. */
      readonly path: string;
    };

/** An address, or why it is none. */
export type ReadAddress = { readonly ok: true; readonly address: BindAddress } | { readonly ok: false; readonly why: string };

const refuse = (why: string): ReadAddress => ({ ok: false, why });

/** Takes an address of Mongrel2's configuration apart. Never throws. */
export function readBindAddress(text: string): ReadAddress {
  if (/^[a-z]+:\/\//i.test(text) && !/^(?:tcp|ipc):\/\//.test(text)) return refuse('only tcp:// and ipc:// lead to handlers');
  if (text.includes('#')) return refuse('it has a "#": Mongrel2 always binds, and is not told so');
  try {
    const spec = SocketSpec.parse(`${text}#bind`);
    if (spec.ident !== undefined) return refuse('it has an "@": the identity stands in send_ident');
    if (spec.protocol === 'ipc') return { ok: true, address: { protocol: 'ipc', path: spec.address.slice('ipc://'.length) } };
    const { host = '*', port = 0 } = spec;
    if (port === 0) return refuse('it has no fixed port, so nobody would know where to connect');
    return { ok: true, address: { protocol: 'tcp', host, port } };
  } catch (error) {
    if (!M2Error.is(error)) throw error;
    return refuse(String(error.details.problem ?? error.message));
  }
}

/** Whether two addresses cannot both be bound on one machine. */
export function addressesClash(a: BindAddress, b: BindAddress): boolean {
  if (a.protocol === 'ipc' || b.protocol === 'ipc') return a.protocol === 'ipc' && b.protocol === 'ipc' && a.path === b.path;
  return a.port === b.port && (a.host === b.host || isWildcard(a.host) || isWildcard(b.host));
}

/** Stands for every interface. */
export const isWildcard = (host: string): boolean => host === '*' || host === '0.0.0.0' || host === '::';

/** Only this machine reaches it. */
export const isLoopback = (host: string): boolean => host === 'localhost' || host === '::1' || host.startsWith('127.');
