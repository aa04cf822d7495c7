// `npm run compatibility`: writes docs/compatibility.md anew, by the test that otherwise compares it.
import { join } from 'node:path';
import { projectRoot as root } from './lib/files.mjs';
import { build, checkNode, exitWith, install, run } from './lib/setup.mjs';

await exitWith(async () => {
  checkNode(process.versions.node);
  await install(root);
  await build(root);
  // One file after the other: each writes its part of the page. Without Mongrel2 the page would lack its part.
  const args = [join(root, 'node_modules/vitest/vitest.mjs'), 'run', 'test/differential', '--no-file-parallelism'];
  return run(process.execPath, args, { cwd: root, env: { ...process.env, M2_WRITE_DOCS: '1', M2_E2E: 'required' } });
});
