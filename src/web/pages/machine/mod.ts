/** The page `Machine`. */
import type { Page } from "../../shell/mod.ts";
import { View } from "./view.tsx";

export const machinePage: Page = { id: "machine", title: "Machine", View };
