/** The page `Models`. */
import type { Page } from "../../shell/mod.ts";
import { View } from "./view.tsx";

export const modelsPage: Page = { id: "models", title: "Models", View };
