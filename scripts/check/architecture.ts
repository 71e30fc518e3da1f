/**
 * The rooms of the source and their layers: the one place where they are listed. `layers.ts` checks them.
 *
 * A room is a folder with everything below it that is not listed itself. A module may import modules of
 * its own room and of rooms in lower layers.
 */

/** Rooms by layer, the lowest layer first. Rooms of one layer do not import each other. */
export const LAYERS: readonly (readonly string[])[] = [
  // The program of the web page. It runs in browsers and imports nothing else.
  ["src/web/kept"],
  ["src/web/api", "src/web/ui", "src/web/conversation"],
  ["src/web/shell", "src/web/live", "src/web/markdown", "src/web/events", "src/web/memory"],
  ["src/web/storage"],
  ["src/web/pages/chat", "src/web/pages/models", "src/web/pages/machine", "src/web/pages/api"],
  ["src/web"],
  // Used by every room.
  ["src/assets"],
  ["src"],
  // A store that servers share.
  ["src/shared_store"],
  // Keys, their rights and counters.
  ["src/access"],
  // Bindings.
  ["ffi/memory", "ffi/sockets"],
  ["ffi/generated"],
  ["ffi/library"],
  ["ffi/backends"],
  ["ffi/objects"],
  ["ffi"],
  // Workers of ggml's RPC backend.
  ["src/rpc/streams"],
  ["src/rpc/tunnel"],
  ["src/rpc/workers", "src/rpc/serving"],
  // The engine: one loaded model.
  ["src/engine/protocol"],
  ["src/engine/disk_cache", "src/engine/sound", "src/engine/webp"],
  [
    "src/engine/native",
    "src/engine/diagnosis",
    "src/engine/tokenizer",
    "src/engine/kv_cache",
    "src/engine/sampling",
    "src/engine/image",
    "src/engine/shared_states",
  ],
  [
    "src/engine/adapters",
    "src/engine/media",
    "src/engine/speculation",
    "src/engine/slots",
    "src/engine/stored_prefixes",
  ],
  ["src/engine/model"],
  ["src/engine/embedding", "src/engine/scheduler"],
  ["src/engine/loading"],
  ["src/engine/process"],
  ["src/engine/planning"],
  ["src/engine"],
  // Selection and download of libllama.
  ["src/download", "src/runtime/unpack"],
  ["src/runtime/library"],
  ["src/runtime/devices"],
  ["src/runtime"],
  // Grammars.
  ["src/grammar/expression"],
  ["src/grammar/regex"],
  ["src/grammar/rules", "src/grammar/gbnf"],
  ["src/grammar/document"],
  ["src/grammar/expansion"],
  ["src/grammar/schema"],
  ["src/grammar"],
  // Models on disk and in memory.
  ["src/models/gguf"],
  ["src/models/entry"],
  ["src/models/discovery/sources"],
  ["src/models/discovery"],
  ["src/models/memory", "src/models/ollama_store"],
  ["src/models/pull"],
  ["src/models/registry"],
  // Messages to a prompt, and text to a message.
  ["src/chat/jinja", "src/chat/conversation"],
  ["src/chat/stream"],
  ["src/chat/formats/shared"],
  ["src/chat/formats"],
  ["src/chat/prompt"],
  ["src/chat/constraint"],
  ["src/chat/preparation"],
  ["src/chat"],
  // Receipts of answers.
  ["src/receipts"],
  // HTTP. No dialect imports another.
  ["src/server/metrics", "src/server/schemas", "src/server/activity", "src/server/telemetry"],
  ["src/server/http"],
  [
    "src/server/access",
    "src/server/receipts",
    "src/server/remote_media",
    "src/server/tool_search",
    "src/server/ui",
    "src/server/validation",
  ],
  ["src/server/answers"],
  ["src/server/resuming"],
  [
    "src/server/api/native",
    "src/server/api/openai",
    "src/server/api/anthropic",
    "src/server/api/ollama",
    "src/server/api/llamacpp",
  ],
  ["src/server"],
  // The command line.
  ["src/cli/options"],
  ["src/cli/config"],
  ["src/cli/environment"],
  ["src/cli/client", "src/cli/output", "src/cli/serving", "src/cli/completion"],
  [
    "src/cli/keys",
    "src/cli/launching",
    "src/cli/listening",
    "src/cli/pulling",
    "src/cli/verification",
  ],
  ["src/cli/sessions"],
  ["src/cli/answering"],
  ["src/cli/chat/editor", "src/cli/chat/conversation", "src/cli/chat/rendering"],
  ["src/cli/chat/commands"],
  ["src/cli/chat"],
  ["src/cli/commands"],
  ["src/cli"],
  // The library for Deno programs.
  ["src/library"],
  ["main.ts"],
];

/**
 * Doors beside a folder's `mod.ts`, which is its only door otherwise: small modules that are needed where
 * loading the whole room would delay the start, and rooms inside of a room that have users outside.
 */
export const DOORS: ReadonlySet<string> = new Set([
  "ffi/library/locate.ts",
  "ffi/library/version.ts",
  "ffi/memory/system_file.ts",
  "src/engine/model/placement/mod.ts",
  "src/engine/model/sizes/mod.ts",
  "src/engine/planning/mod.ts",
  "src/engine/process/engine_program.ts",
  "src/engine/process/spare_process.ts",
  "src/engine/protocol/mod.ts",
  "src/rpc/workers/endpoint.ts",
  "src/runtime/library/paths.ts",
  "src/server/http/mod.ts",
  "src/server/remote_media/mod.ts",
  "src/server/schemas/mod.ts",
  "src/server/validation/mod.ts",
]);

/** Source files that a folder may hold, tests not counted. */
export const MOST_FILES = 15;
