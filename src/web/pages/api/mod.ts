/** The page `API`: reads and tries the routes of `/openapi.json`. */
import type { Page } from "../../shell/mod.ts";
import { View } from "./view.tsx";

export const apiPage: Page = { id: "api", title: "API", View };
