import type { Field } from '@m2/core';

/** Values of one name that Mongrel2 keeps; the sixth and later ones are dropped (protocol 2.2). */
const MAX_VALUES = 5;
const FIRST_CHAINS = 64;

interface Entry {
  readonly name: string;
  readonly hash: number;
  readonly values: string[];
}

/** 32-bit FNV-1a of a name. */
function fnv1a(name: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < name.length; at++) hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}

/**
 * The headers of one request, in the order in which Mongrel2 writes them. Mongrel2 keeps them in a hash table (FNV-1a, 64
 * chains, doubled at two entries a chain), the newest of a chain first, and writes it from the first chain to the last;
 * the captured messages confirm it. The keys that it adds itself, such as FLAGS or UPLOAD_STREAM, live in the same table.
 */
export class HeaderTable {
  private readonly entries = new Map<string, Entry>();

  /** Adds a value; a sixth one of the same name is dropped. `name` is in lower case, or one of Mongrel2's own keys. */
  add(name: string, value: string): void {
    const entry = this.entries.get(name);
    if (entry === undefined) this.entries.set(name, { name, hash: fnv1a(name), values: [value] });
    else if (entry.values.length < MAX_VALUES) entry.values.push(value);
  }

  /** Replaces all values of a name; it keeps its place. */
  set(name: string, value: string): void {
    const entry = this.entries.get(name);
    if (entry === undefined) this.add(name, value);
    else entry.values.splice(0, entry.values.length, value);
  }

  /** Removes a name. */
  delete(name: string): void {
    this.entries.delete(name);
  }

  /** The first value of a name. */
  get(name: string): string | undefined {
    return this.entries.get(name)?.values[0];
  }

  /** All names with their values, in Mongrel2's order. */
  fields(): Field[] {
    let chains: Entry[][] = [];
    let size = FIRST_CHAINS;
    let count = 0;
    for (const entry of this.entries.values()) {
      if (count++ >= size * 2) {
        size *= 2;
        chains = grow(chains, size);
      }
      place(chains, entry, size);
    }
    // The array is sparse: flat() skips the chains that are empty.
    return chains.flat().map(({ name, values }) => [name, values]);
  }
}

function place(chains: Entry[][], entry: Entry, size: number): void {
  const at = entry.hash & (size - 1);
  const chain = chains[at];
  if (chain === undefined) chains[at] = [entry];
  else chain.unshift(entry);
}

/** Deals each chain out anew from its head, which turns the order of what stays together around. */
function grow(chains: Entry[][], size: number): Entry[][] {
  const grown: Entry[][] = [];
  for (const entry of chains.flat()) place(grown, entry, size);
  return grown;
}
