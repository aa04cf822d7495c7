import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const source = (path: string) => fileURLToPath(new URL(`./packages/${path}`, import.meta.url));

// The long runs (npm run soak) are apart: they take minutes, and each has its own deadline.
const soak = process.env.M2_SOAK === '1';
const everyday = ['packages/*/src/**/*.test.ts', 'packages/*/test/**/*.test.ts', 'test/**/*.test.ts', 'scripts/**/*.test.ts'];

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
    include: soak ? ['test/soak/**/*.test.ts'] : everyday,
    exclude: ['**/node_modules/**', '**/dist/**', ...(soak ? [] : ['test/soak/**'])],
    testTimeout: soak ? 3_600_000 : 20_000,
    hookTimeout: soak ? 120_000 : 30_000,
    maxWorkers: soak ? 1 : 2,
  },
});
