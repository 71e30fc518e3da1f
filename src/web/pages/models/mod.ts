/** The page `Models`: load, unload, pull, delete and plan models, and change their adapters. */
import type { Page } from "../../shell/mod.ts";
import { View } from "./view.tsx";

export const modelsPage: Page = { id: "models", title: "Models", View };
