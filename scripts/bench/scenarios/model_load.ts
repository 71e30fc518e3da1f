import { measureInterleaved, type Scenario } from "../bench.ts";
import type { Row } from "../report.ts";

/** Ways in which llama-server loads a model. Shimmy maps the file and computes one token. */
const WAYS: readonly { readonly name: string; readonly args: readonly string[] }[] = [
  { name: "defaults", args: [] },
  { name: "llama-server without mmap", args: ["--load-mode", "none"] },
  { name: "llama-server without warm-up", args: ["--no-warmup"] },
];

/** Time until a server can generate, for a file in the page cache and for one that is not. */
export const modelLoad: Scenario = {
  number: 10,
  title: "start to ready, warm and cold file",
  async run(bench) {
    const rows: Row[] = [];
    const settings = { parallel: 1, context: 512, unified: false };
    for (const { name, args } of WAYS) {
      for (const isCold of [false, true]) {
        if (isCold && !await dropFromPageCache(bench.model)) {
          bench.say("  skipped: this system cannot drop one file from its page cache");
          continue;
        }
        const values = await measureInterleaved(
          bench,
          { ...settings, extra: { "llama-server": args } },
          ({ readyMs }) => Promise.resolve({ readyMs }),
          undefined,
          async () => void (isCold && await dropFromPageCache(bench.model)),
        );
        rows.push({
          scenario: 10,
          what: `${isCold ? "cold" : "warm"} file, ${name}: start to ready`,
          unit: "ms",
          rounds: values.get("readyMs") ?? {},
          targets: [{ against: "llama-server", atMost: 1 }],
        });
      }
    }
    return rows;
  },
};

/** Removes a file from the page cache with GNU dd. False if that is not possible. */
async function dropFromPageCache(path: string): Promise<boolean> {
  if (Deno.build.os !== "linux") return false;
  const { success } = await new Deno.Command("dd", {
    args: [`if=${path}`, "iflag=nocache", "count=0"],
    stdout: "null",
    stderr: "null",
  }).output();
  return success;
}
