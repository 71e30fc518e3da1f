import { assert, assertEquals } from "@std/assert";
import { MODEL, tinyServer } from "../clients/tiny_server.ts";
import { GUIDELLM } from "./programs.ts";
import { testProgram } from "./run_program.ts";

const PROMPTS = ["France", "Italy", "Spain"].map((country) => ({
  prompt: `What is the capital of ${country}?`,
}));

testProgram(GUIDELLM, "measures the requests of a file", async (bench) => {
  await using server = tinyServer();
  const prompts = `${bench.folder}/prompts.jsonl`;
  const report = `${bench.folder}/report.json`;
  await bench.write("prompts.jsonl", PROMPTS.map((row) => `${JSON.stringify(row)}\n`).join(""));
  const { code, stdout, stderr } = await bench.run([
    "run",
    "--backend",
    `kind=openai_http,target=${server.url},model=${MODEL}`,
    "--profile",
    "kind=synchronous",
    "--constraint",
    `kind=max_requests,count=${PROMPTS.length}`,
    "--data",
    `kind=json_file,path=${prompts}`,
    "--output",
    `kind=json,path=${report}`,
    "--disable-console-interactive",
  ], { HF_HUB_OFFLINE: "1", HF_DATASETS_OFFLINE: "1" });
  assertEquals(code, 0, stderr + stdout);
  const { metrics, requests } = JSON.parse(await Deno.readTextFile(report)).benchmarks[0];
  const { successful, total } = metrics.request_totals;
  assertEquals([successful, total], [PROMPTS.length, PROMPTS.length]);
  // The counts come from the usage that the server reports.
  assert(metrics.prompt_token_count.successful.min > 0);
  assert(metrics.output_token_count.successful.min > 0);
  for (const { output } of requests.successful) assert(output.length > 0);
});
