import { assertEquals, assertRejects } from "@std/assert";
import { ShimmyError } from "../../errors.ts";
import { type Receipt, requestDigest } from "../../receipts/mod.ts";
import { readProof } from "./proof.ts";
import { verdictJson, verdictText } from "./report.ts";

const REQUEST = { prompt: "Hi", stream: true };

/** The parts of a receipt that its form is known by. */
async function receiptFor(request: unknown): Promise<Receipt> {
  return {
    version: 1,
    request_sha256: await requestDigest(request),
    signature: "",
    key: { public_key: "" },
    answer: { tokens: [] },
    prompt: { sha256: "" },
    model: { sha256: [] },
    sampling: {},
    context: {},
  } as unknown as Receipt;
}

Deno.test("a receipt is found in a response, a stream and a file with both", async () => {
  const receipt = await receiptFor(REQUEST);
  const line = JSON.stringify({ done: true, receipt });
  const request = JSON.stringify(REQUEST);
  const texts = [
    JSON.stringify({ response: "Hello", receipt }),
    JSON.stringify(receipt),
    JSON.stringify({ id: "x", receipts: [receipt] }),
    JSON.stringify([{ content: "Hello", receipt }]),
    `data: {"content": "", "stop": true}\n\nevent: receipt\ndata: ${
      JSON.stringify({ receipt })
    }\n\n`,
    `data: {"token": "Hello"}\n\ndata: ${line}\n\ndata: [DONE]\n\n`,
    `{"done": false}\n${line}\n`,
    `event: response.completed\ndata: ${JSON.stringify({ response: { receipt } })}\n\n`,
  ];
  for (const text of texts) {
    assertEquals((await readProof(text, request)).receipts, [receipt], text);
  }
  for (const response of [{ receipt }, texts[5]]) {
    const both = await readProof(JSON.stringify({ request: REQUEST, response }), null);
    assertEquals([both.request, both.receipts], [REQUEST, [receipt]]);
  }
  const beside = await readProof(JSON.stringify({ request: REQUEST, receipt }), null);
  assertEquals(beside.receipts, [receipt]);
});

Deno.test("what is missing is told", async () => {
  const receipt = await receiptFor({ prompt: "Other" });
  const cases: [string, string | null, string][] = [
    ["{", null, "the file must be JSON"],
    ["{}", null, 'the file has no "request"'],
    ["{}", "{", "the request must be JSON"],
    ["{}", "[]", "the request must be a JSON object"],
    ["{}", "{}", "the response has no receipt"],
    ["data: [DONE]", "{}", "the response has no receipt"],
    [JSON.stringify({ receipt }), JSON.stringify(REQUEST), "belongs to another request"],
  ];
  for (const [text, request, message] of cases) {
    await assertRejects(() => readProof(text, request), ShimmyError, message);
  }
});

Deno.test("verdicts are told to people and to programs", () => {
  const identical = { result: "identical", tokens: 3, text: "a b c", differences: [] } as const;
  assertEquals(verdictText(identical), "identical: 3 tokens");
  assertEquals(verdictText(identical, true), "identical: 3 tokens\na b c");
  assertEquals(
    verdictText({ ...identical, differences: ["threads: 1 in the receipt, 2 now"] }),
    "identical: 3 tokens, although these differ:\n  threads: 1 in the receipt, 2 now",
  );
  const found = (token: number, text: string, logprob: number | null) => ({ token, text, logprob });
  const differs = {
    result: "differs",
    at: 4,
    expected: found(1, " a", -1.5),
    found: found(2, " b", -0.5),
  } as const;
  assertEquals(
    verdictText(differs),
    'differs at token 4: " a" (1, log probability -1.5000) in the receipt, ' +
      '" b" (2, log probability -0.5000) now; gap 1.0000',
  );
  assertEquals(verdictJson(differs), { ...differs, logprob_gap: 1 });
  assertEquals(
    verdictText({ ...differs, expected: null, found: found(2, " b", null) }),
    'differs at token 4: the end in the receipt, " b" (2) now',
  );
  const other = { result: "other text", given: "b".repeat(70), computed: "" } as const;
  assertEquals(
    verdictText(other),
    "other text: the tokens are identical, but the response has " +
      `"${"b".repeat(60)}..." in place of the end`,
  );
  assertEquals(verdictJson(other), other);
  assertEquals(verdictText({ result: "not comparable", reasons: ["x"] }), "not comparable:\n  x");
});
