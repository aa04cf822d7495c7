import { createRequire } from 'node:module';
import type { ImportModule } from '../src/node/index.js';

/** Node's own `import()`, whose errors are looked at. */
export const { nativeImport } = createRequire(import.meta.url)('./fixtures/native-import.cjs') as {
  readonly nativeImport: ImportModule;
};
