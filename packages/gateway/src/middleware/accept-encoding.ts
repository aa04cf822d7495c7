/** What `Accept-Encoding` leads to. */
export interface NegotiatedCoding<C extends string> {
  /** The best content coding; undefined: none is wanted. */
  readonly coding: C | undefined;
  /** The body may go out as it is. */
  readonly identity: boolean;
}

/** RFC 9110 12.4.2. */
const WEIGHT = /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/;
/** RFC 9110 8.4.1.3: recipients take this for gzip. */
const ALIASES: Readonly<Record<string, string>> = { 'x-gzip': 'gzip' };

/**
 * Chooses a content coding (RFC 9110 12.5.3). `available` has the preferred one first, which decides where the client's weights do
 * not. Without the header nothing is encoded; members that cannot be read are passed over. Undefined: nothing that could be sent
 * is acceptable to the client, not even the body as it is.
 */
export function negotiateCoding<C extends string>(
  header: string | null,
  available: readonly C[],
): NegotiatedCoding<C> | undefined {
  if (header === null) return { coding: undefined, identity: true };
  const weights = parseWeights(header);
  const any = weights.get('*');
  let coding: C | undefined;
  let best = 0;
  for (const one of available) {
    const weight = weights.get(one) ?? any ?? 0;
    if (weight <= best) continue;
    coding = one;
    best = weight;
  }
  const identity = weights.get('identity');
  // Named with a higher weight, no coding at all is what the client likes best.
  if (identity !== undefined && identity > best) return { coding: undefined, identity: true };
  const allowed = (identity ?? any) !== 0;
  return coding === undefined && !allowed ? undefined : { coding, identity: allowed };
}

function parseWeights(header: string): ReadonlyMap<string, number> {
  const weights = new Map<string, number>();
  for (const member of header.toLowerCase().split(',')) {
    const [name = '', ...parameters] = member.split(';').map((part) => part.trim());
    if (name === '') continue;
    const weight = weightOf(parameters);
    if (weight !== undefined) weights.set(ALIASES[name] ?? name, weight);
  }
  return weights;
}

function weightOf(parameters: readonly string[]): number | undefined {
  const [parameter, ...more] = parameters;
  if (parameter === undefined) return 1;
  const [name, value = ''] = parameter.split('=').map((part) => part.trim());
  return name === 'q' && more.length === 0 && WEIGHT.test(value) ? Number(value) : undefined;
}
