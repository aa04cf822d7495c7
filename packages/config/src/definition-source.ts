import type { ConfigDefinition } from './definition.js';

const WIDTH = 120;

/**
 * A definition as the text of a TypeScript file. `remarks` become comments at its top.
 */
export function definitionSource(definition: ConfigDefinition, remarks: readonly string[] = []): string {
  // A remark carries text of the database: a line break in it would end the comment.
  const comments = remarks.map((remark) => `// ${remark.replace(/[\r\n\u2028\u2029]+/g, ' ')}\n`).join('');
  return `${comments}import { defineConfig } from '@m2/config';\n\nexport default defineConfig(${literal(definition, '')});\n`;
}

function literal(value: unknown, indent: string): string {
  if (typeof value === 'string') return quoted(value);
  if (typeof value !== 'object' || value === null) return String(value);
  const inner = `${indent}  `;
  const [open, close] = Array.isArray(value) ? ['[', ']'] : ['{', '}'];
  const parts = Array.isArray(value)
    ? value.map((item) => literal(item, inner))
    : Object.entries(value).map(([key, item]) => `${propertyName(key)}: ${literal(item, inner)}`);
  if (parts.length === 0) return `${open}${close}`;
  const line = Array.isArray(value) ? `[${parts.join(', ')}]` : `{ ${parts.join(', ')} }`;
  if (line.length + indent.length <= WIDTH && !line.includes('\n')) return line;
  return `${open}\n${parts.map((part) => `${inner}${part},\n`).join('')}${indent}${close}`;
}

/** `__proto__` written plainly would set the prototype. */
const propertyName = (key: string): string => {
  if (key === '__proto__') return "['__proto__']";
  return /^[A-Za-z_$][\w$]*$/.test(key) ? key : quoted(key);
};

function quoted(text: string): string {
  const escaped = JSON.stringify(text)
    .slice(1, -1)
    .replaceAll('\\"', '"')
    .replaceAll("'", "\\'")
    .replace(/[\u007f-\u009f\u2028\u2029\ufeff]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return `'${escaped}'`;
}
