export { Adapters, type AdapterSet } from "./adapters.ts";
