import { join } from "node:path";
import * as fc from "test:fast-check";
import { Machine } from "../../cli/machine.ts";
import { TINY as TINY_FILE } from "../../support/engine.ts";
import type { ByteEdit } from "../mutation/byte_edits.ts";
import { boundedRun, BOUNDS } from "../support/bounded_run.ts";
import { exchange } from "../support/exchange.ts";
import { GgufBase, replaceFile } from "../support/gguf_files.ts";
import { Host } from "../support/host.ts";
import { checkVisible, type Problem } from "../support/problem.ts";
import { record } from "../support/tiny_server.ts";
import { WatchedServer } from "../support/watched_server.ts";
import type { Runner, Target } from "../target.ts";

/** A model file as changes of the built-in one, and what is done with it. */
interface GgufCase {
  readonly edits: readonly ByteEdit[];
  readonly use: "header" | "plan" | "probe" | "generate" | "serve";
}

const NAME = "fuzzed";

/** Model files: all get their header read; some are planned, probed, run or served. */
export const gguf: Target = {
  name: "gguf",
  open: async () => new GgufRunner(await Machine.start(), await GgufBase.read(TINY_FILE)),
};

class GgufRunner implements Runner<GgufCase> {
  readonly cases: fc.Arbitrary<GgufCase>;
  readonly #machine: Machine;
  readonly #base: GgufBase;
  readonly #host = new Host();
  #server: WatchedServer | null = null;

  constructor(machine: Machine, base: GgufBase) {
    this.#machine = machine;
    this.#base = base;
    this.cases = record<GgufCase>({
      edits: base.edits,
      use: fc.oneof(
        { weight: 8, arbitrary: fc.constant("header" as const) },
        { weight: 4, arbitrary: fc.constant("serve" as const) },
        { weight: 1, arbitrary: fc.constantFrom("plan", "probe", "generate") },
      ) as fc.Arbitrary<GgufCase["use"]>,
    });
  }

  async run({ edits, use }: GgufCase): Promise<Problem | null> {
    const folder = join(this.#machine.home, "models");
    const path = join(folder, `${NAME}.gguf`);
    await Deno.mkdir(folder, { recursive: true });
    await replaceFile(path, this.#base.edited(edits));
    const result = await this.#host.run({ type: "header", path });
    if ("kind" in result) return result;
    if (result.thrown !== null) return { kind: "unexpected", message: result.thrown.slice(0, 400) };
    const visible = checkVisible(result.refused ?? "", [folder]);
    // A header that is refused is not used; the commands would only repeat the reason.
    if (visible !== null || result.refused !== null || use === "header") return visible;
    return use === "serve" ? await this.#serve(folder) : await this.#command(use, path);
  }

  async #command(use: "plan" | "probe" | "generate", path: string): Promise<Problem | null> {
    const more = use === "generate" ? ["--prompt", "Hi", "--max-tokens", "2"] : ["--json"];
    const command = this.#machine.command([use, path, "--ctx", "128", ...more]);
    return await boundedRun(command, { ...BOUNDS, mayEnd: use === "generate" });
  }

  /** Loads the model in a server, generates and unloads it. 502 is right: the file is damaged. */
  async #serve(folder: string): Promise<Problem | null> {
    const server = this.#server ??= await WatchedServer.start(() => [
      ...["--model-dirs", folder, "--ctx", "128", "--gpu-backend", "cpu", "--parallel", "1"],
    ]);
    const post = (path: string, body?: unknown) =>
      exchange(server, {
        method: "POST",
        path,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        isDocumented: (status) => [200, 400, 404, 502, 503].includes(status),
        mayFail: true,
        secrets: [folder],
      });
    return await post("/api/models/discover") ??
      await post(`/api/models/${NAME}/load`) ??
      await post("/api/generate", { model: NAME, prompt: "Hi", max_tokens: 2, ignore_eos: true }) ??
      await post(`/api/models/${NAME}/unload`);
  }

  async finish(): Promise<Problem | null> {
    return await this.#server?.finish([NAME]) ?? null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.[Symbol.asyncDispose]();
    await this.#host[Symbol.asyncDispose]();
    await this.#machine[Symbol.asyncDispose]();
  }
}
