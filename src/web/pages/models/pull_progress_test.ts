import { assertEquals } from "@std/assert";
import { advance, BEGIN, type PullLine } from "./pull_progress.ts";

function after(...lines: readonly PullLine[]) {
  const { files: _, ...progress } = lines.reduce(advance, BEGIN);
  return progress;
}

Deno.test("bytes of all files are added, each once", () => {
  const progress = after(
    { status: "pulling manifest" },
    { status: "pulling aa", digest: "sha256:aa", total: 100, completed: 10 },
    { status: "pulling aa", digest: "sha256:aa", total: 100, completed: 60 },
    { status: "pulling bb", digest: "sha256:bb", total: 20, completed: 5 },
    { status: "verifying sha256 digest" },
  );
  assertEquals(progress, { status: "verifying sha256 digest", completed: 65, total: 120 });
});

Deno.test("the total is unknown until a file is named", () => {
  assertEquals(after({ status: "pulling manifest" }).total, null);
  const unsized = after({ status: "pulling m.gguf", completed: 7 });
  assertEquals([unsized.completed, unsized.total], [7, 7]);
});
