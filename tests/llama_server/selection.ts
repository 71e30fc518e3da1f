/** Which tests of the suite run. */
import { chatModel, runSuite, type TestOutcome } from "./suite.ts";

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

/** All tests but those that are not run, and the slow ones. */
const QUICK: readonly string[] = [
  ...["-m", "not slow"],
  ...Object.keys(NOT_RUN).map((file) => `--ignore=${file}`),
];

/** Slow tests that a small model that follows instructions can pass. */
const WITH_CHAT_MODEL: readonly string[] = [
  ...["unit/test_tool_call.py", "unit/test_completion.py", "unit/test_compat_anthropic.py"],
  ...["-m", "slow", "-k", "success or without_tool_call_slow or library_stops or reasoning_model"],
];

/** One test for each group of routes and functions; one takes about a second. */
export const FAST = [
  "unit/test_tokenize.py::test_tokenize_with_pieces",
  "unit/test_infill.py::test_infill_with_input_extra",
  "unit/test_completion.py::test_n_probs_stream",
  "unit/test_chat_completion.py::test_chat_completion_stream",
  "unit/test_chat_completion.py::test_context_size_exceeded_stream",
  "unit/test_compat_anthropic.py::test_anthropic_tool_streaming",
  "unit/test_compat_oai_responses.py::test_responses_stream_with_llama_telemetry",
  "unit/test_embedding.py::test_embedding_usage_multiple",
  "unit/test_rerank.py::test_rerank_usage",
  "unit/test_lora.py::test_lora_per_request",
  "unit/test_slot_save.py::test_slot_save_restore",
  "unit/test_speculative.py::test_with_and_without_draft",
  "unit/test_security.py::test_correct_api_key",
  "unit/test_template.py::test_add_generation_prompt",
];

/**
 * Runs all tests that are in the table with an outcome.
 * @throws {SuiteUnavailable} when the source, the Python packages or a model cannot be fetched.
 */
export async function runAll(onTest: (outcome: TestOutcome) => void): Promise<TestOutcome[]> {
  const model = await chatModel();
  return [
    ...await runSuite(QUICK, onTest),
    ...await runSuite(WITH_CHAT_MODEL, onTest, model),
  ];
}
