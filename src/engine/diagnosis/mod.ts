/** Reasons of failed loads, from the log of libllama. */
export { explainAdapterFailure, explainLoadFailure } from "./failures.ts";
