import { loadModel } from "@shimmy/shimmy/library";

await using model = await loadModel({ model: "shimmy-tiny", gpuBackend: "cpu" });

// An answer in one piece.
const capital = model.generate("What is the capital of France?", { temperature: 0 });
console.log((await capital.result()).text);

// A conversation, piece by piece.
const messages = [
  { role: "user", content: "What is the capital of France?" },
  { role: "assistant", content: "The capital of France is Paris." },
  { role: "user", content: "What is the capital of Japan?" },
] as const;
const answer = model.generate(messages, { temperature: 0, maxTokens: 50 });
let pieces = 0;
for await (const _text of answer) pieces++;
const { text, finishReason, usage } = await answer.result();
console.log(text, finishReason, pieces > 1, usage?.completionTokens);

// Unit-length embeddings.
const { vectors } = await model.embed(["Paris", "Tokyo"]);
console.log(vectors.length, vectors[0]?.length);
