// A Mongrel2 for tests, as unforgiving as the real one, and what tests of handlers need besides.
export { readFrames, type ServerFrame } from './frame-reader.js';
export { ManualClock } from './manual-clock.js';
export {
  type Asked,
  type BodyFraming,
  type HeaderLine,
  type ParsedHead,
  ParsedResponse,
  ResponseParser,
  ResponseSyntaxError,
} from './response-parser.js';
export { type ClosedBy, ScriptedClient } from './scripted-client.js';
export type { ScriptedRequest } from './scripted-message.js';
export { type ScriptedCounters, ScriptedMongrel2, type ScriptedOptions } from './scripted-mongrel2.js';
export { eventually, turns, within } from './wait.js';
