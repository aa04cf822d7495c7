export { VERSION } from './banner.js';
export { EXIT } from './exit-codes.js';
export { type CliIo, exitWith, type ProcessEvents, processIo, type TextSink } from './io.js';
export { type LoadedBackend, loadBackend, loadTransport } from './load-backend.js';
export { main } from './main.js';
