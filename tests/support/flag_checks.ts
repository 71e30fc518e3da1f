/** Checks that placement flags of each command reach the native call. */
import { assert, assertEquals } from "@std/assert";
import { LLAMA_SPLIT_MODE } from "../../ffi/generated/enums.ts";
import { type Machine, Server } from "../cli/machine.ts";
import type { LoadCall, SpyLibrary } from "./spy_library.ts";

/** Flags and the check of the native call. */
export interface FlagCheck {
  readonly flags: readonly string[];
  readonly check: (call: LoadCall) => void;
}

const EXPERTS = "ffn_(up|down|gate|gate_up)_(ch|)exps";

/** Flags that need no GPU. */
export const FLAG_CHECKS: readonly FlagCheck[] = [
  {
    flags: ["--gpu-layers", "3", "--split-mode", "row", "--cpu-moe"],
    check: ({ params, overrides }) => {
      assertEquals([params.n_gpu_layers, params.split_mode], [3, LLAMA_SPLIT_MODE.ROW]);
      assertEquals(overrides, [`\\.${EXPERTS}=CPU`]);
    },
  },
  {
    flags: ["--gpu-layers", "all", "--split-mode", "none", "--main-gpu", "0", "--n-cpu-moe", "2"],
    check: ({ params, overrides, split }) => {
      assertEquals([params.n_gpu_layers, params.split_mode], [-1, LLAMA_SPLIT_MODE.NONE]);
      assertEquals([params.main_gpu, split], [0, null]);
      assertEquals(overrides, [0, 1].map((layer) => `blk\\.${layer}\\.${EXPERTS}=CPU`));
    },
  },
  {
    flags: ["--tensor-split", "5", "--override-tensor", "ffn_down=CPU"],
    check: ({ params, overrides, split }) => {
      assertEquals(params.split_mode, LLAMA_SPLIT_MODE.LAYER);
      assertEquals([split, overrides], [[5, 0], ["ffn_down=CPU"]]);
    },
  },
];

/** Every command that loads a model, with its arguments. */
const COMMANDS: Readonly<Record<string, (model: string) => string[]>> = {
  generate: (model) => ["generate", model, "--prompt", "Hello", "--max-tokens", "1"],
  chat: (model) => ["chat", model],
  probe: (model) => ["probe", model],
  bench: (model) => {
    const sizes = ["--prompt-tokens", "1", "--max-tokens", "2", "--runs", "1"];
    return ["bench", model, ...sizes];
  },
  plan: (model) => ["plan", model],
  show: (model) => ["show", model, "--placement"],
};

/**
 * Runs every command that loads a model with some flags and checks the native calls. `serve` loads
 * its model at start.
 */
export async function checkFlags(
  machine: Machine,
  spy: SpyLibrary,
  model: string,
  { flags, check }: FlagCheck,
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  const surroundings = { ...env, ...spy.env };
  const look = (name: string, calls: readonly LoadCall[]) => {
    assert(calls.length > 0, `${name} loaded nothing`);
    for (const call of calls) {
      assertEquals(call.path, model);
      check(call);
    }
  };
  // A server of an earlier check can have made one more call before its end.
  await spy.calls();
  for (const [name, command] of Object.entries(COMMANDS)) {
    const args = [...command(model), ...flags];
    const { code, stderr } = await machine.run(args, { env: surroundings, input: "" });
    assertEquals(code, 0, `${args.join(" ")}: ${stderr}`);
    look(name, await spy.calls());
  }
  const serve = ["--port", "0", "--model-path", model, ...flags];
  await using _server = await Server.start(machine, serve, surroundings);
  let calls: LoadCall[] = [];
  for (let waited = 0; calls.length === 0 && waited < 300; waited++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    calls = await spy.calls();
  }
  look("serve", calls);
}
