/** The page `Chat`: conversations as trees, with answers that can be steered while they run. */
import type { Page } from "../../shell/mod.ts";
import { SHORTCUTS } from "./shortcuts.ts";
import { View } from "./view.tsx";

export const chatPage: Page = { id: "chat", title: "Chat", View, shortcuts: SHORTCUTS };
