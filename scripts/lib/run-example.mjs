import { fileURLToPath } from 'node:url';
import { capture } from './capture.mjs';
import { projectRoot } from './files.mjs';

const host = fileURLToPath(new URL('./example-host.mjs', import.meta.url));
const marker = 'example answered: ';

/**
 * Runs a built example, which serves `tcp://127.0.0.1:9999`, in a process of its own with a stand-in for Mongrel2, asks it
 * for `path`, and resolves to the whole answer. `reply` is undefined when there was none before the deadline.
 * @param {string} built
 * @param {string} path
 * @param {number} deadlineMs
 * @returns {Promise<{ reply: string | undefined, output: string }>}
 */
export async function askExample(built, path, deadlineMs) {
  const { output } = await capture(process.execPath, [host, built, path], { cwd: projectRoot, env: process.env, deadlineMs });
  const line = output.split('\n').find((text) => text.startsWith(marker));
  return { reply: line === undefined ? undefined : JSON.parse(line.slice(marker.length)), output };
}

/** What the host prints. @param {string} reply */
export const answerLine = (reply) => `${marker}${JSON.stringify(reply)}`;
