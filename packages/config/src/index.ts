export { adviseOn, controlAddressOf } from './advice.js';
export { type CheckedConfig, checkDefinition, type WriteOptions, writeConfig } from './build-config.js';
export { checkConfig } from './check-config.js';
export {
  ControlClient,
  type ControlClientOptions,
  type ControlCommand,
  type ControlConnection,
  type ControlInfo,
  type ControlRequestOptions,
  type ControlTable,
  type ControlTask,
} from './control-client.js';
export { type ControlAddressOptions, controlAddress } from './control-from-config.js';
export {
  type ConfigDefinition,
  type DirDefinition,
  defineConfig,
  type HandlerDefinition,
  type HostDefinition,
  type PluginDefinition,
  type ProxyDefinition,
  type RouteTable,
  type RouteTarget,
  type ServerDefinition,
} from './definition.js';
export { definitionSource } from './definition-source.js';
export { type ConfigChange, diffConfigs } from './diff-config.js';
export {
  type ConfiguredConnection,
  type ConfiguredHandler,
  connectionFrom,
  type FromConfigOptions,
  fromConfig,
  type UploadStore,
} from './from-config.js';
export { addressFrom, type HostView, pathFrom, rootOf } from './host-paths.js';
export { type ImportedConfig, importConfig } from './import-config.js';
export { loadDefinition } from './load-definition.js';
export { STANDARD_MIMETYPES } from './mimetypes.js';
export type {
  ConfigModel,
  DirRow,
  HandlerRow,
  HostRow,
  LogRow,
  MimetypeRow,
  PluginRow,
  ProxyRow,
  RouteRow,
  ServerRow,
  SettingRow,
  TargetType,
} from './model.js';
export type { ConfigNote } from './note.js';
export { matchesPattern, patternProblem } from './pattern.js';
export { readConfig, readConfigImage } from './read-config.js';
export { replaceFile } from './replace-file.js';
export { ServerRouting } from './routing.js';
export { choiceText, type HandlerSelector, type SelectedHandler, selectHandlers } from './selector.js';
export { SETTINGS, type SettingInfo, type SettingName, type Settings, SettingValues, type Switch } from './settings.js';
