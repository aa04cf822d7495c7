export { type AsyncBackendOptions, asyncBackend } from './async-backend.js';
