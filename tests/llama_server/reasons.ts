/** Why tests of the suite do not pass. */
import type { Reason } from "./table.ts";

/** Files of tests whose subject Shimmy does not have; they are not run. */
export const NOT_RUN: Readonly<Record<string, string>> = {
  "unit/test_mcp_servers.py": "the server starts no MCP servers",
  "unit/test_tools_builtin.py": "the server runs no tools for its web page",
  "unit/test_proxy.py": "the server is no proxy for web pages",
  "unit/test_router.py": "models are loaded and unloaded by /api/models and by requests",
  "unit/test_stream.py": "streams are not kept for other requests",
  "unit/test_vision_api.py": "models read only text",
  "unit/test_compat_gcp.py": "there is no form of requests for Vertex AI",
};

const VOCABULARY = "needs the model stories260K: the count is that of its vocabulary";
const ENCODERS =
  "needs the model bge-small or jina-reranker: its tokens or its scores are compared";
const CORS =
  "origins are refused unless --cors-origin names them, and their preflight has status 403";
const IMAGES = "models read only text";

const notApplicable = (test: RegExp, reason: string, failure?: RegExp): Reason => ({
  ...{ test, status: "not applicable", reason },
  ...(failure === undefined ? {} : { failure }),
});

const notComparable = (test: RegExp, reason: string, failure?: RegExp): Reason => ({
  ...{ test, status: "not comparable", reason },
  ...(failure === undefined ? {} : { failure }),
});

/** The first entry that matches the test and the failed assertion applies. */
export const REASONS: readonly Reason[] = [
  notComparable(/./, "the suite itself skips it", /^Skipped/),
  notApplicable(
    /./,
    "system_fingerprint begins with fp_, as OpenAI's does",
    /system_fingerprint/,
  ),
  notApplicable(/./, "the suite fetches an image; models read only text", /requests\.get/),
  // test_basic.py
  notApplicable(/test_server_multiple_addresses/, "--bind takes one address"),
  notApplicable(
    /test_server_slots$|test_metrics_disabled/,
    "no option turns /slots or /metrics off",
  ),
  notApplicable(
    /test_server_models$|test_server_model_aliases_and_tags/,
    "the list has the built-in model too",
    /len\(res\.body\["data"\]\) == 1/,
  ),
  notComparable(/test_load_split_model/, "needs the model stories15M in three files"),
  notApplicable(/test_no_ui|test_access_static_assets/, "there is no web page"),
  // test_chat_completion.py
  notApplicable(
    /test_chat_template/,
    "no option of the server adds __verbose; the field verbose of a request does",
    /__verbose/,
  ),
  notApplicable(/test_apply_chat_template/, "chat templates are not selected by name"),
  notApplicable(
    /test_invalid_chat_completion_req\[messages7\]/,
    "several assistant messages at the end are accepted",
  ),
  // Counts of tokens
  notComparable(
    /test_return_progress|test_chat_completion|test_completion|test_ctx_shift|test_slot_(save|restore|erase)/,
    VOCABULARY,
    /n_prompt|n_cache|batch_count|prompt_tokens|prompt_n|n_saved|n_token_output|"predicted_n"/,
  ),
  notComparable(
    /test_speculative\.py::(test_slot_ctx_not_exceeded|test_with_ctx_shift)/,
    "the prompt has more tokens than the context with the built-in vocabulary",
  ),
  notApplicable(
    /test_speculative\.py::test_synth/,
    "no option accepts drafted tokens at made-up rates",
  ),
  // Slots
  notApplicable(/test_slot_save_restore_image/, IMAGES),
  notApplicable(
    /test_slot_restore_legacy/,
    "saved slots have Shimmy's format",
    /open\(|No such file/,
  ),
  // Metrics
  notApplicable(/test_metrics\.py/, "metrics have Shimmy's names", /Process-Start-Time|llamacpp:/),
  // Embeddings and reranking
  notApplicable(
    /test_embedding_pooling_none/,
    "a model without pooling has one embedding for each input",
  ),
  notApplicable(
    /test_embedding_error_prompt_too_long/,
    "the message says how many tokens the input has and the model takes",
    /too large/,
  ),
  notComparable(/test_embedding|test_rerank/, ENCODERS, /n_tokens|relevan|2 \* 9/),
  // Anthropic
  notApplicable(/test_anthropic/, "images are refused with status 400, not 500", /== 500/),
  notApplicable(
    /test_anthropic_empty_messages/,
    "a request without messages is refused, as by Anthropic's API",
  ),
  notApplicable(
    /test_anthropic_thinking/,
    "a thinking budget that is not below max_tokens is refused, as by Anthropic's API",
  ),
  notComparable(
    /test_anthropic_tool|test_tool_call/,
    "needs a model that calls tools in this conversation",
    /stop_reason|tool_use|tool_calls/,
  ),
  // Security
  notApplicable(/test_cors_proxy/, "the server is no proxy for web pages"),
  notApplicable(/test_cors/, CORS),
  notApplicable(/test_local_media_file/, IMAGES),
  // Responses
  {
    test: /test_responses_stream_with_llama_telemetry/,
    status: "fail",
    reason: "streams of responses report no progress and no timings",
  },
  // Templates
  notApplicable(
    /test_reasoning\[.*-(on|off)-/s,
    "no option of the server turns reasoning on or off; requests do by chat_template_kwargs",
  ),
  // Other functions
  notApplicable(/test_kv_keep_only_active/, "the test reads marks in the log of llama-server"),
  notApplicable(/test_sleep\.py/, "an idle model is unloaded; there is no state of sleep"),
];
