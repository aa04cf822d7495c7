import { bigUploads } from './support/big-cases.js';

bigUploads(100 * 1024 * 1024, 120_000);
