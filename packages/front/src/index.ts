export { startFront } from './front.js';
export type { Front, FrontHandler, FrontHandlerOptions, FrontOptions } from './options.js';
export type { FrontSettings } from './settings.js';
export type { FrontStats } from './stats.js';
