/** The page `Machine`: rates, queues, memory, layers, requests, errors and the log, as they change. */
import type { Page } from "../../shell/mod.ts";
import { View } from "./view.tsx";

export const machinePage: Page = { id: "machine", title: "Machine", View };
