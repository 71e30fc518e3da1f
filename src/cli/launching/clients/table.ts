/** The clients of `launch` by their names on the command line. */
import type { Client } from "../client.ts";
import { aider } from "./aider.ts";
import { claude } from "./claude.ts";
import { cline } from "./cline.ts";
import { codex } from "./codex.ts";
import { continueCli } from "./continue.ts";
import { opencode } from "./opencode.ts";
import { pi } from "./pi.ts";
import { qwen } from "./qwen.ts";

export const CLIENTS = {
  claude,
  codex,
  opencode,
  qwen,
  aider,
  pi,
  cline,
  continue: continueCli,
} as const satisfies Readonly<Record<string, Client>>;
