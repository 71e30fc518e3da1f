import { assertEquals } from "@std/assert";
import { capabilitiesOf } from "./capabilities.ts";

Deno.test("capabilities follow the kind of model and its template", () => {
  const of = (values: Partial<Parameters<typeof capabilitiesOf>[0]>) =>
    capabilitiesOf({ kind: "language", chatTemplate: null, ...values });
  assertEquals(of({}), ["completion", "tools"]);
  assertEquals(of({ chatTemplate: "{% if enable_thinking %}" }), [
    "completion",
    "tools",
    "thinking",
  ]);
  assertEquals(of({ kind: "embedding" }), ["embedding"]);
  assertEquals(of({ kind: "rerank" }), ["rerank"]);
});

Deno.test("a model with a projector sees, unless it is loaded and cannot use it", () => {
  const model = { kind: "language", chatTemplate: null, projector: "mmproj.gguf" } as const;
  const sees = (loaded?: Parameters<typeof capabilitiesOf>[1]) =>
    capabilitiesOf(model, loaded).includes("vision");
  assertEquals(sees(), true);
  assertEquals(sees({ media: { vision: true, audio: false, refusal: null } }), true);
  assertEquals(sees({ media: { vision: false, audio: false, refusal: "It cannot" } }), false);
  assertEquals(sees({}), false);
});

Deno.test("a model hears if its projector has an encoder for audio", () => {
  const model = { kind: "language", chatTemplate: null, projector: "mmproj.gguf" } as const;
  const media = (of: Partial<Parameters<typeof capabilitiesOf>[0]>, audio?: boolean) =>
    capabilitiesOf(
      { ...model, ...of },
      audio === undefined ? null : { media: { vision: false, audio, refusal: null } },
    ).slice(2);
  assertEquals(media({ projectorReads: ["audio"] }), ["audio"]);
  assertEquals(media({ projectorReads: ["vision", "audio"] }), ["vision", "audio"]);
  assertEquals(media({ projectorReads: ["vision", "audio"] }, true), ["audio"]);
  assertEquals(media({ projectorReads: ["audio"] }, false), []);
});
