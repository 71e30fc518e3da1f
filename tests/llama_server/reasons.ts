/** Why tests of the suite do not pass. */
import type { Reason } from "./table.ts";

const VOCABULARY = "needs the model stories260K: the count is that of its vocabulary";
const ENCODERS =
  "needs the model bge-small or jina-reranker: its tokens or its scores are compared";
const METRICS = "metrics have Shimmy's names";
const SLEEP =
  "an idle model is unloaded, and /props loads it again instead of reporting that it sleeps";
const IMAGES = "models read only text";

/** @param failure the statement that fails, and what was found where it is always the same. */
const notApplicable = (test: RegExp, failure: string | RegExp, reason: string): Reason => (
  { test, failure: begins(failure), status: "not applicable", reason }
);

const notComparable = (test: RegExp, failure: string | RegExp, reason: string): Reason => (
  { test, failure: begins(failure), status: "not comparable", reason }
);

/** The pattern of a failure that begins with a text. */
function begins(failure: string | RegExp): RegExp {
  return typeof failure === "string" ? new RegExp(`^${RegExp.escape(failure)}`) : failure;
}

/** The first entry that matches the test and the failed assertion applies. */
export const REASONS: readonly Reason[] = [
  notComparable(/./, "Skipped: ", "the suite itself skips it"),
  // test_basic.py
  notApplicable(
    /test_server_multiple_addresses$/,
    "assert all(results) # assert False",
    "--bind takes one address",
  ),
  notApplicable(
    /test_server_slots$|test_metrics_disabled$/,
    /^assert res\.status_code == 501 .*# assert 200 == 501$/,
    "no option turns /slots or /metrics off",
  ),
  notComparable(
    /test_load_split_model$/,
    "server.start() # Server process died",
    "needs the model stories15M in three files",
  ),
  notApplicable(/test_no_ui$/, 'assert "<!doctype html>" in res.text # ', "there is no web page"),
  notApplicable(
    /test_access_static_assets_without_api_key$/,
    /^assert res\.status_code == 200, .* # Expected 200 for \/, got 401$/,
    "there is no web page",
  ),
  // test_chat_completion.py
  notApplicable(
    /test_(chat_)?completion_with_openai_library$/,
    'assert res.system_fingerprint is not None and res.system_fingerprint.startswith("b") # assert (\'fp_',
    "system_fingerprint begins with fp_, as OpenAI's does",
  ),
  notApplicable(
    /test_chat_template$/,
    'assert res.body["__verbose"]["prompt"] == "<s> <|start_header_id|>',
    "chat templates are not selected by name",
  ),
  notApplicable(
    /test_apply_chat_template$/,
    'assert res.body["prompt"] == "<|START_OF_TURN_TOKEN|>',
    "chat templates are not selected by name",
  ),
  notApplicable(
    /test_chat_template_assistant_prefill\[prefill1-/,
    'assert res.body["__verbose"]["prompt"].endswith(f"<|start_header_id|>user',
    "the text parts of an answer continue each other without line breaks",
  ),
  notApplicable(
    /test_invalid_chat_completion_req\[messages7\]$/,
    "assert res.status_code == 400 or res.status_code == 500 # assert (200 == 400",
    "several assistant messages at the end are accepted",
  ),
  // Counts of tokens
  notComparable(
    /test_chat_completion_cached_tokens$/,
    'assert res.body["usage"]["prompt_tokens"] == n_prompt # assert 54 == 77',
    VOCABULARY,
  ),
  notComparable(
    /test_return_progress\[64-4-False\]$/,
    "assert total_batch_count == batch_count # assert 3 == 4",
    VOCABULARY,
  ),
  notComparable(
    /test_completion_prompt_cache$/,
    'assert "prompt_n" in timings and timings["prompt_n"] + timings["cache_n"] == n_prompt # ',
    VOCABULARY,
  ),
  notComparable(
    /test_ctx_shift_enabled$/,
    'assert res.body["timings"]["prompt_n"] == 226 # assert 202 == 226',
    VOCABULARY,
  ),
  notComparable(
    /test_ctx_shift_disabled_short_prompt\[-1-248-True\]$/,
    'assert res.body["timings"]["predicted_n"] == n_token_output # assert 246 == 248',
    VOCABULARY,
  ),
  notComparable(
    /test_speculative\.py::(test_slot_ctx_not_exceeded|test_with_ctx_shift)$/,
    "assert res.status_code == 200 # assert 400 == 200",
    "the prompt has more tokens than the context with the built-in vocabulary",
  ),
  notApplicable(
    /test_synth_ignores_target_tokens$/,
    'assert res.body["timings"]["draft_n_accepted"] == res.body["timings"]["draft_n"] # assert 0 == ',
    "no option accepts drafted tokens at made-up rates",
  ),
  // Images
  notApplicable(
    /test_slot_save|test_anthropic_vision/,
    "response = requests.get(",
    "the suite fetches an image; models read only text",
  ),
  notApplicable(
    /test_slot_save_restore_image_payload/,
    'assert len(res.body["tokens"]) == 8 # assert 25 == 8',
    IMAGES,
  ),
  notApplicable(
    /test_local_media_file\[.*-True\]$/,
    "assert res.status_code == 200 # assert 400 == 200",
    IMAGES,
  ),
  notApplicable(
    /test_anthropic_(tool_result_with_image|vision_format_accepted)$/,
    "assert res.status_code == 500 # assert 400 == 500",
    "images are refused with status 400, not 500",
  ),
  // Slots
  notApplicable(
    /test_slot_restore_legacy_token_list$/,
    /# \[Errno 2\] No such file/,
    "saved slots have Shimmy's format",
  ),
  // Metrics
  notApplicable(
    /test_metrics\.py/,
    'assert "Process-Start-Time-Unix" in res.headers # ',
    METRICS,
  ),
  // Embeddings and reranking
  notApplicable(
    /test_embedding_pooling_none$/,
    "assert len(res.body[0]['embedding']) == 5 # 3 text tokens + 2 special # assert 1 == 5",
    "a model without pooling has one embedding for each input",
  ),
  notApplicable(
    /test_embedding_pooling_none_oai$/,
    "assert res.status_code == 400 # assert 200 == 400",
    "a model without pooling has one embedding for each input",
  ),
  notApplicable(
    /test_embedding_error_prompt_too_long$/,
    'assert "too large" in res.body["error"]["message"] # assert \'too large\' in \'input has 5122 tokens, ' +
      "but the model takes 256'",
    "the message says how many tokens the input has and the model takes",
  ),
  notComparable(
    /test_rerank(_tei_format)?$/,
    'assert most_relevant["index"] == 2 # ',
    ENCODERS,
  ),
  // Anthropic
  notApplicable(
    /test_anthropic_empty_messages$/,
    "assert res.status_code == 200 # assert 400 == 200",
    "a request without messages is refused, as by Anthropic's API",
  ),
  notComparable(
    /test_anthropic_thinking_with_reasoning_model/,
    /^assert len\((content\) >= 2, "Should have at least thinking|thinking_starts\) > 0, )/,
    "needs a model that reasons",
  ),
  // Security
  notApplicable(
    /test_cors_proxy/,
    "assert res.status_code == 200 # assert 404 == 200",
    "the server is no proxy for web pages",
  ),
  notApplicable(
    /test_cors/,
    "assert res.status_code == 200 # assert 403 == 200",
    "origins are refused unless --cors-origin names them, and their preflight has status 403",
  ),
  // Templates
  notApplicable(
    /test_reasoning\[.*-off-/,
    "assert prompt.endswith(expected_end), ",
    "no option of the server turns reasoning off; requests do by chat_template_kwargs",
  ),
  // Other functions
  notApplicable(
    /test_kv_keep_only_active/,
    'assert "__TEST_TAG_CACHE_IDLE_SLOTS_ENABLED__" in log.drain() # ',
    "the test reads marks in the log of llama-server",
  ),
  notApplicable(/test_sleep\.py/, 'assert res.body["is_sleeping"] == True # ', SLEEP),
  notApplicable(/test_sleep\.py/, 'raise TimeoutError("server did not go to sleep")', SLEEP),
  notApplicable(
    /test_server_sleep_read_only_endpoints$/,
    'assert len(values) == 1, f"{name} not found in metrics" # tokens_predicted_total',
    METRICS,
  ),
];
