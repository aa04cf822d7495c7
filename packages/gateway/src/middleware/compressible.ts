/** What is text, or as easily compressed as text, without saying so in its name. */
const COMPRESSIBLE = new Set([
  'application/ecmascript',
  'application/graphql',
  'application/javascript',
  'application/json',
  'application/json-seq',
  'application/jsonl',
  'application/ndjson',
  'application/rtf',
  'application/sql',
  'application/toml',
  'application/vnd.ms-fontobject',
  'application/wasm',
  'application/x-javascript',
  'application/x-ndjson',
  'application/x-sh',
  'application/x-www-form-urlencoded',
  'application/xml',
  'application/xml-dtd',
  'application/yaml',
  'font/otf',
  'font/ttf',
  'image/bmp',
  'image/x-icon',
  'image/vnd.microsoft.icon',
]);

/**
 * Whether bodies of a Content-Type are worth compressing: `text/*`; what ends in `+json`, `+xml`, `+text` or `+yaml`, SVG among
 * it; and a list of those that are text, programs, fonts or pictures without compression of their own. A body without a type is not.
 */
export function isCompressible(contentType: string | null): boolean {
  const type = (contentType ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  return type.startsWith('text/') || /\+(?:json|xml|text|yaml)$/.test(type) || COMPRESSIBLE.has(type);
}
