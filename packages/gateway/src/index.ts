export type { FetchApp, FetchFunction, FetchHandlerOptions, FetchObject, FetchResult } from './app.js';
export { fetchHandler } from './fetch-handler.js';
export type { FetchInfo } from './fetch-info.js';
