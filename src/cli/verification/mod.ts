/** Verifies receipts: reads them, computes their answers again and compares. */
export { checkReceipt } from "./check_receipt.ts";
export { compare, obstacles, type Verdict } from "./compare.ts";
export type { GivenFiles } from "./given_files.ts";
export { type Proof, readProof } from "./proof.ts";
export { replay } from "./replay.ts";
export { verdictJson, verdictText } from "./report.ts";
export { otherText } from "./texts.ts";
