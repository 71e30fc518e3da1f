/** Options of the command line: their tables, how they are parsed, and checks across options. */
export {
  type Address,
  DEFAULT_HOST,
  formatAddress,
  isLoopback,
  parseAddress,
  parseBind,
  parseOllamaAddress,
  type SocketPath,
  socketPath,
} from "./address.ts";
export { GLOBAL_OPTIONS, type GlobalValues } from "./global_options.ts";
export { flag, integer, parallel, parsed, text, texts } from "./option_kinds.ts";
export {
  type Option,
  type OptionSet,
  type Parsed,
  parseOptions,
  UsageError,
  type Values,
} from "./options.ts";
export { checkPlacement, placementOptions } from "./placement_options.ts";
export { SAMPLING_OPTIONS, samplingOf } from "./sampling_options.ts";
export { KEYS_DIR, SERVE_OPTIONS, type ServeValues } from "./serve_options.ts";
export { ATTACH_OPTIONS, checkApiKey, SERVER_OPTIONS } from "./server_options.ts";
