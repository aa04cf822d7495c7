// The load generator: wrk, and what it says.
import { fileURLToPath } from 'node:url';
import { run } from './children.mjs';

const BROWSER = fileURLToPath(new URL('./browser-request.lua', import.meta.url));

/** Loads a URL for some seconds. Resolves to requests, requests per second, and latencies in milliseconds. */
export async function load(url, { seconds, connections = 32, browser = false }) {
  const script = browser ? ['-s', BROWSER] : [];
  const text = await run('wrk', ['-t1', `-c${connections}`, `-d${seconds}s`, '--latency', ...script, url]);
  const errors = /Socket errors: (.*)/.exec(text)?.[1];
  const bad = /Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1];
  return {
    requests: Number(/(\d+) requests in/.exec(text)?.[1] ?? 0),
    perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1] ?? 0),
    p50: milliseconds(/50%\s+([\d.]+)(us|ms|s)/.exec(text)),
    p99: milliseconds(/99%\s+([\d.]+)(us|ms|s)/.exec(text)),
    trouble: [errors, bad === undefined ? undefined : `${bad} bad answers`].filter((one) => one !== undefined).join(', '),
  };
}

function milliseconds(match) {
  if (match === null) return Number.NaN;
  const factor = { us: 0.001, ms: 1, s: 1000 }[match[2]];
  return Number(match[1]) * factor;
}
