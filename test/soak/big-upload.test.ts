import { bigUploads } from '../uploads/support/big-cases.js';

bigUploads(2 * 1024 * 1024 * 1024 - 65_536, 1_800_000);
