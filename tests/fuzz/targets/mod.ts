import type { Target } from "../target.ts";
import { diskCache } from "./disk_cache.ts";
import { frames } from "./frames.ts";
import { gguf } from "./gguf.ts";
import { grammars } from "./grammars.ts";
import { lora } from "./lora.ts";
import { requests } from "./requests.ts";
import { schemas } from "./schemas.ts";
import { sessions } from "./sessions.ts";
import { templates } from "./templates.ts";

/** All targets. */
export const TARGETS: readonly Target[] = [
  requests,
  frames,
  schemas,
  grammars,
  templates,
  gguf,
  lora,
  sessions,
  diskCache,
];
