/** CUDA, on any machine that has such a GPU. */
import { registerChecks } from "./checks.ts";

await registerChecks({
  name: "cuda",
  prefix: "CUDA",
  env: {},
  install: "it takes an NVIDIA GPU with its driver",
});
