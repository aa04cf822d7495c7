// `npm start`: installs and builds what is missing, then serves examples/hello through the whole path on the embedded front.
import { join } from 'node:path';
import { projectRoot } from './lib/files.mjs';
import { build, checkNode, exitWith, install, run } from './lib/setup.mjs';

await exitWith(async () => {
  checkNode(process.versions.node);
  await install(projectRoot);
  await build(projectRoot);
  const app = process.argv.length > 2 ? process.argv.slice(2) : ['examples/hello/app.js'];
  return run(process.execPath, [join(projectRoot, 'packages/cli/bin/m2.js'), 'dev', ...app], { cwd: projectRoot });
});
