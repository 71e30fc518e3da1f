/** The registry of pages, in the order of the navigation. The first page is the one of an empty hash. */
import { apiPage } from "./pages/api/mod.ts";
import { chatPage } from "./pages/chat/mod.ts";
import { machinePage } from "./pages/machine/mod.ts";
import { modelsPage } from "./pages/models/mod.ts";
import type { Page } from "./shell/mod.ts";

export const PAGES: readonly Page[] = [chatPage, modelsPage, machinePage, apiPage];
