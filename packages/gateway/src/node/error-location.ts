import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** How long the check of a file's syntax may take, in milliseconds. */
const CHECK_MS = 10_000;

/** Where in the app an error came from, as `file:line:column`: the first place in its stack that is not Node's own. */
export function locateError(error: unknown): string | undefined {
  if (!(error instanceof Error) || typeof error.stack !== 'string') return undefined;
  for (const line of error.stack.split('\n')) {
    const place = /(?:\(|at (?:async )?|^)((?:file:\/\/|\/|[A-Za-z]:\\)[^()]*?:\d+(?::\d+)?)\)?$/.exec(line)?.[1];
    if (place !== undefined) return place.startsWith('file://') ? fromUrl(place) : place;
  }
  return undefined;
}

/**
 * Where a syntax error is. The error of `import()` does not say it for ES modules, so Node is asked to check the file
 * without running it.
 */
export async function locateSyntaxError(error: SyntaxError, path: string): Promise<string | undefined> {
  const first = error.stack?.split('\n')[0] ?? '';
  if (/:\d+$/.test(first)) return first.startsWith('file://') ? fromUrl(first) : first;
  const output = await checkSyntax(path);
  return output.split('\n').find((line) => /:\d+$/.test(line) && line.startsWith(path));
}

function checkSyntax(path: string): Promise<string> {
  return new Promise((resolve) => {
    // It fails when there is a mistake, which is what is looked for.
    execFile(process.execPath, ['--check', path], { timeout: CHECK_MS }, (_error, _stdout, stderr) => resolve(stderr));
  });
}

function fromUrl(place: string): string {
  const [, url = place, position = ''] = /^(.*?)((?::\d+){1,2})$/.exec(place) ?? [];
  return fileURLToPath(url) + position;
}
