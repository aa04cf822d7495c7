import { parseSync } from 'oxc-parser';
import { readText } from './files.mjs';

/**
 * A node of the syntax tree.
 * @typedef {{ type: string, start: number, end: number, [key: string]: any }} Node
 * @typedef {{ node: Node, parent: Node | undefined, key: string }} Visit
 */

/** A parsed source file: its text, tree and imports. */
export class Source {
  /** @param {string} path @param {string} text */
  constructor(path, text) {
    const parsed = parseSync(path, text);
    const [first] = parsed.errors;
    if (first) throw new Error(`${path} cannot be parsed: ${first.message}`);
    this.path = path;
    this.text = text;
    /** @type {Node} */
    this.program = /** @type {any} */ (parsed.program);
    /** @type {number[]} */
    this.lineStarts = [0];
    for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) this.lineStarts.push(at + 1);
  }

  /** How many lines the file has; a final line feed starts none. */
  get lineCount() {
    return this.lineStarts.length - (this.text.endsWith('\n') ? 1 : 0);
  }

  /** The line that an offset is on, from 1. @param {number} offset */
  lineOf(offset) {
    let low = 0;
    let high = this.lineStarts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (/** @type {number} */ (this.lineStarts[middle]) <= offset) low = middle;
      else high = middle - 1;
    }
    return low + 1;
  }

  /** The node's text. @param {Node} node */
  textOf(node) {
    return this.text.slice(node.start, node.end);
  }
}

/** @param {string} root @param {string} path */
export const parseFile = (root, path) => new Source(path, readText(root, path));

/** @param {unknown} value @returns {value is Node} */
const isNode = (value) => typeof value === 'object' && value !== null && typeof (/** @type {any} */ (value).type) === 'string';

/**
 * Calls `visit` for every node of the tree, parents first.
 * @param {Node} root
 * @param {(visit: Visit) => void} visit
 */
export function walkTree(root, visit) {
  /** @type {Visit[]} */
  const stack = [{ node: root, parent: undefined, key: '' }];
  for (let next = stack.pop(); next; next = stack.pop()) {
    visit(next);
    const { node } = next;
    for (const key of Object.keys(node).reverse()) {
      const value = node[key];
      for (const child of Array.isArray(value) ? value.toReversed() : [value]) {
        if (isNode(child)) stack.push({ node: child, parent: node, key });
      }
    }
  }
}

/**
 * One mention of another module. `specifier` is undefined where it is computed at run time.
 * @typedef {{ specifier: string | undefined, line: number }} Import
 */

/** @param {Node | null | undefined} node @returns {string | undefined} */
function literalText(node) {
  if (node?.type === 'Literal' && typeof node.value === 'string') return node.value;
  if (node?.type === 'TSLiteralType') return literalText(node.literal);
  if (node?.type === 'TemplateLiteral' && node.expressions.length === 0) return node.quasis[0].value.cooked;
  return undefined;
}

/** @param {Node} node @returns {Node | undefined} */
function importedFrom(node) {
  switch (node.type) {
    case 'ImportDeclaration':
    case 'ExportAllDeclaration':
    case 'ImportExpression':
    case 'TSImportType':
      return node.source ?? node.argument;
    case 'ExportNamedDeclaration':
      return node.source ?? undefined;
    case 'TSExternalModuleReference':
      return node.expression;
    case 'CallExpression':
      return isRequire(node.callee) ? node.arguments[0] : undefined;
    default:
      return undefined;
  }
}

/** `require(…)`, `require.resolve(…)` and `import.meta.resolve(…)`. @param {Node} callee */
function isRequire(callee) {
  if (callee.type === 'Identifier') return callee.name === 'require';
  if (callee.type !== 'MemberExpression' || callee.property.name !== 'resolve') return false;
  return callee.object.name === 'require' || callee.object.type === 'MetaProperty';
}

/**
 * Everything that a file imports, statically, dynamically, by `require`, or for a type.
 * @param {Source} source
 * @returns {Import[]}
 */
export function importsOf(source) {
  /** @type {Import[]} */
  const imports = [];
  walkTree(source.program, ({ node }) => {
    const from = importedFrom(node);
    if (from) imports.push({ specifier: literalText(from), line: source.lineOf(from.start) });
  });
  return imports;
}
