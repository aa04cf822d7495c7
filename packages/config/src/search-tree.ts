interface Node<T> {
  readonly character: string;
  /** The tree of the next character: its root is the character that was inserted first, which Mongrel2's search depends on. */
  next: Level<T> | undefined;
  value: T | undefined;
}

interface Level<T> {
  readonly root: Node<T>;
  readonly nodes: Map<string, Node<T>>;
}

/**
 * The search tree in which Mongrel2 keeps the prefixes of routes, and the reversed suffixes of hosts. Its search has a habit to
 * know of: a text that ends within a longer key finds that key (`/j` finds `/json/`), even when a shorter key would fit.
 */
export class SearchTree<T> {
  private top: Level<T> | undefined;

  /** The value of exactly this key. */
  get(key: string): T | undefined {
    let level = this.top;
    let node: Node<T> | undefined;
    for (const character of key) {
      node = level?.nodes.get(character);
      if (node === undefined) return undefined;
      level = node.next;
    }
    return node?.value;
  }

  /** Adds a key, which is not empty. */
  insert(key: string, value: T): void {
    let above: Node<T> | undefined;
    for (const character of key) {
      let level: Level<T> | undefined = above === undefined ? this.top : above.next;
      let node = level?.nodes.get(character);
      if (node === undefined) {
        node = { character, next: undefined, value: undefined };
        if (level === undefined) {
          level = { root: node, nodes: new Map() };
          if (above === undefined) this.top = level;
          else above.next = level;
        }
        level.nodes.set(character, node);
      }
      above = node;
    }
    if (above !== undefined) above.value = value;
  }

  /** What Mongrel2 finds for a text; undefined for none, and for the empty text. */
  find(text: string): T | undefined {
    if (text === '') return undefined;
    let level = this.top;
    let last: Node<T> | undefined;
    let node: Node<T> | undefined;
    for (let at = 0; at < text.length; at++) {
      node = level?.nodes.get(text[at] as string);
      if (node === undefined) break;
      if (at + 1 < text.length) {
        if (node.value !== undefined) last = node;
        level = node.next;
        // The text goes on, but the tree does not: only the last key that was passed can be found.
        if (level === undefined) node = undefined;
      }
      if (node === undefined) break;
    }
    let found = node ?? last;
    while (found !== undefined && found.value === undefined) found = found.next?.root;
    return found?.value;
  }
}
