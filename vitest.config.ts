import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const source = (path: string) => fileURLToPath(new URL(`./packages/${path}`, import.meta.url));

// In-process tests read the TypeScript sources; tests that spawn the command line use what `tsc -b` built.
export default defineConfig({
  resolve: {
    alias: [
      { find: /^#platform$/, replacement: source('core/src/platform/node.ts') },
      { find: /^@m2\/([a-z-]+)$/, replacement: source('$1/src/index.ts') },
      { find: /^@m2\/core\/testing$/, replacement: source('core/src/testing/index.ts') },
      { find: /^@m2\/gateway\/node$/, replacement: source('gateway/src/node/index.ts') },
    ],
  },
  test: {
    include: ['packages/*/src/**/*.test.ts', 'packages/*/test/**/*.test.ts', 'test/**/*.test.ts', 'scripts/**/*.test.ts'],
    testTimeout: 20_000,
    hookTimeout: 30_000,
    maxWorkers: 2,
  },
});
