// `npm run soak`: the long runs of test/soak, which `npm test` leaves out. Arguments go to vitest: a part of a file's name
// runs only that one.
import { join } from 'node:path';
import { listFiles, projectRoot as root } from './lib/files.mjs';
import { build, checkNode, exitWith, install, run, SetupError } from './lib/setup.mjs';

await exitWith(async () => {
  checkNode(process.versions.node);
  if (!listFiles(root).some((path) => /^test\/soak\/.*\.test\.ts$/.test(path))) {
    throw new SetupError('There is no soak test: test/soak/ has no *.test.ts. Write one there, or run npm test.');
  }
  await install(root);
  await build(root);
  const env = { ...process.env, M2_SOAK: '1' };
  return run(process.execPath, [join(root, 'node_modules/vitest/vitest.mjs'), 'run', ...process.argv.slice(2)], {
    cwd: root,
    env,
  });
});
