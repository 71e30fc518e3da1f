import { assert, assertEquals } from "@std/assert";
import { MODEL, tinyServer } from "../clients/tiny_server.ts";
import { LM_EVAL } from "./programs.ts";
import { testProgram } from "./run_program.ts";

/** Questions of the built-in model's training, each with a wrong and the right answer. */
const QUESTIONS = [
  ["France", "Oslo", "Paris"],
  ["Italy", "Rome", "Madrid"],
  ["Spain", "Lisbon", "Madrid"],
  ["Portugal", "Lisbon", "Paris"],
].map(([country, first, second], index) => ({
  question: `<|im_start|>user\nWhat is the capital of ${country}?<|im_end|>\n` +
    `<|im_start|>assistant\nThe capital of ${country} is`,
  choices: [`${first}.`, `${second}.`],
  label: [1, 0, 1, 0][index],
}));

const lines = (rows: readonly unknown[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join("");

const tasks = (folder: string): Record<string, string> => ({
  "capitals.yaml": `task: capitals
dataset_path: json
dataset_kwargs: {data_files: {validation: ${folder}/capitals.jsonl}}
validation_split: validation
output_type: multiple_choice
doc_to_text: "{{question}}"
doc_to_choice: "{{choices}}"
doc_to_target: label
metric_list: [{metric: acc}]
`,
  "texts.yaml": `task: texts
dataset_path: json
dataset_kwargs: {data_files: {validation: ${folder}/texts.jsonl}}
validation_split: validation
output_type: loglikelihood_rolling
doc_to_text: ""
doc_to_target: "{{text}}"
metric_list: [{metric: word_perplexity}]
`,
});

testProgram(LM_EVAL, "scores choices and texts by log probabilities", async (bench) => {
  await using server = tinyServer();
  for (const [name, text] of Object.entries(tasks(bench.folder))) await bench.write(name, text);
  await bench.write("capitals.jsonl", lines(QUESTIONS));
  await bench.write("texts.jsonl", lines([{ text: "The capital of France is Paris." }]));
  const { code, stderr } = await bench.run([
    "--model",
    "local-completions",
    "--model_args",
    `model=${MODEL},base_url=${server.url}/v1/completions,tokenizer_backend=remote,max_length=1024`,
    "--include_path",
    bench.folder,
    "--tasks",
    "capitals,texts",
    "--output_path",
    `${bench.folder}/out`,
  ], { HF_HUB_OFFLINE: "1", HF_DATASETS_OFFLINE: "1" });
  assertEquals(code, 0, stderr);
  const { results } = JSON.parse(await onlyFile(`${bench.folder}/out`));
  assertEquals(results.capitals["acc,none"], 1);
  const perplexity = results.texts["word_perplexity,none"];
  assert(perplexity > 1 && Number.isFinite(perplexity), `perplexity ${perplexity}`);
});

/** The text of the only file below a folder. */
async function onlyFile(folder: string): Promise<string> {
  for await (const entry of Deno.readDir(folder)) {
    const path = `${folder}/${entry.name}`;
    return entry.isDirectory ? await onlyFile(path) : await Deno.readTextFile(path);
  }
  throw new Error(`${folder} is empty`);
}
