/** Keys and licenses as text for people and JSON for programs. */
export { describeKey, keyTable } from "./describe.ts";
export { inspectKey, inspectLicense } from "./inspect.ts";
