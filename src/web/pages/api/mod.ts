/** The page `API`. */
import type { Page } from "../../shell/mod.ts";
import { View } from "./view.tsx";

export const apiPage: Page = { id: "api", title: "API", View };
