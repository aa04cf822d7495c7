import { M2Error } from '@m2/core';
import ipaddr from 'ipaddr.js';

/** Names for ranges, as Express has them. `uniquelocal` is what is never routed: 10/8, 172.16/12, 192.168/16 and fc00::/7. */
const NAMED: Readonly<Record<string, readonly string[]>> = {
  loopback: ['loopback'],
  linklocal: ['linkLocal'],
  uniquelocal: ['private', 'uniqueLocal'],
};

/** How many addresses are remembered; clients can make them up, so there has to be an end. */
const REMEMBERED = 1024;

type Range = ReturnType<typeof ipaddr.parseCIDR>;

/** A list of IP addresses that are trusted. */
export class TrustedAddresses {
  private readonly ranges: readonly Range[];
  private readonly named: ReadonlySet<string>;
  private readonly known = new Map<string, boolean>();

  /**
   * @param list addresses (`10.0.0.7`, `2001:db8::1`), ranges (`10.0.0.0/8`), and the names `loopback`, `linklocal` and `uniquelocal`.
   * @throws M2Error `M2_OPTION_INVALID` for anything else.
   */
  constructor(list: readonly string[]) {
    this.named = new Set(list.flatMap((one) => (Object.hasOwn(NAMED, one) ? (NAMED[one] ?? []) : [])));
    this.ranges = list.filter((one) => !Object.hasOwn(NAMED, one)).map(parseRange);
  }

  /** Whether the address is in the list; never for what is no address. IPv4 addresses within IPv6 count as what they are. */
  has(address: string): boolean {
    const known = this.known.get(address);
    if (known !== undefined) return known;
    const trusted = this.find(address);
    if (this.known.size >= REMEMBERED) this.known.clear();
    this.known.set(address, trusted);
    return trusted;
  }

  private find(address: string): boolean {
    if (!isAddress(address)) return false;
    const parsed = ipaddr.process(address);
    if (this.named.has(parsed.range())) return true;
    return this.ranges.some(([network, bits]) => network.kind() === parsed.kind() && parsed.match(network, bits));
  }
}

/** An IP address as programs write them: no leading zeros, no shortened IPv4, no port. */
export const isAddress = (text: string): boolean =>
  ipaddr.IPv4.isValidFourPartDecimal(text) || (text.includes(':') && ipaddr.IPv6.isValid(text));

function parseRange(text: string): Range {
  const [, address = '', bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  if (isAddress(address)) {
    try {
      const parsed = ipaddr.parse(address);
      const width = parsed.kind() === 'ipv4' ? 32 : 128;
      const [network, length] = ipaddr.parseCIDR(`${address}/${bits ?? width}`);
      if (network.kind() === 'ipv4' || !(network as InstanceType<typeof ipaddr.IPv6>).isIPv4MappedAddress())
        return [network, length];
      if (length >= 96) return [ipaddr.process(address), length - 96];
    } catch {
      // Falls through to the one complaint below.
    }
  }
  throw new M2Error(
    'M2_OPTION_INVALID',
    `trustProxy (--trust-proxy): ${JSON.stringify(text)} is neither an IP address nor a range such as 10.0.0.0/8, nor one of ` +
      `${Object.keys(NAMED).join(', ')}.`,
    { details: { value: text } },
  );
}
