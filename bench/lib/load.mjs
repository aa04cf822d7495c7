// The load generator: wrk, and what it says.
import { fileURLToPath } from 'node:url';
import { run } from './children.mjs';

const BROWSER = fileURLToPath(new URL('./browser-request.lua', import.meta.url));

/**
 * @typedef {object} Load
 * @property {number} requests
 * @property {number} perSecond
 * @property {number} p50 latency in milliseconds
 * @property {number} p99 latency in milliseconds
 * @property {string} trouble errors and bad answers, or nothing
 */

/** @type {Readonly<Record<string, number>>} */
const UNITS = { us: 0.001, ms: 1, s: 1000 };

/**
 * Loads a URL for some seconds.
 * @param {string} url @param {{ seconds: number, connections?: number, browser?: boolean }} options
 * @returns {Promise<Load>}
 */
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

/** @param {RegExpExecArray | null} match a number and its unit */
function milliseconds(match) {
  if (match === null) return Number.NaN;
  const [, number, unit = ''] = match;
  return Number(number) * (UNITS[unit] ?? Number.NaN);
}
