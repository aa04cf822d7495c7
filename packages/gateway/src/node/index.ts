export type { AppKind } from './app-kind.js';
export { type GzipOptions, gzip } from './gzip.js';
export type { ImportModule } from './import-app.js';
export { type LoadAppOptions, type LoadedApp, loadApp } from './load-app.js';
export type { FastifyLike, KoaLike, ListenerObject, NodeApp, NodeListener } from './node-app.js';
export { type NodeDeflateOptions, nodeDeflate } from './node-deflate.js';
export { type NodeHandler, type NodeHandlerOptions, nodeHandler } from './node-handler.js';
export { ClientSocket, type LocalAddress } from './node-socket.js';
export {
  type Leftover,
  type UploadFolder,
  type UploadFolderOptions,
  type UploadFolderStats,
  uploadFolder,
} from './upload-folder.js';
export type { CompressionLevels, ContentCoding } from './zlib-codings.js';
