/**
 * The headers of a request as a browser sends it, as Mongrel2 hands them on; those of `browser-request.lua`.
 * @type {readonly (readonly [string, string])[]}
 */
export const browserHeaders = [
  ['accept', 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8'],
  ['accept-encoding', 'gzip, deflate, br, zstd'],
  ['accept-language', 'en-GB,en;q=0.9,de;q=0.6'],
  ['cache-control', 'max-age=0'],
  ['cookie', 'session=0f8b2b6c1d7e4a5d9c3b2a1908f7e6d5; theme=dark; consent=essential; locale=en-GB'],
  ['dnt', '1'],
  ['priority', 'u=0, i'],
  ['referer', 'http://localhost/some/page?from=here'],
  ['sec-fetch-dest', 'document'],
  ['sec-fetch-mode', 'navigate'],
  ['sec-fetch-site', 'same-origin'],
  ['sec-fetch-user', '?1'],
  ['upgrade-insecure-requests', '1'],
  ['user-agent', 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'],
];
