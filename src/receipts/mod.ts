/**
 * Signed receipts of answers: what was computed, with which files, versions and settings.
 *
 * @module
 */
export { canonicalJson, requestDigest, tokensDigest } from "./canonical.ts";
export {
  type FailedReceipt,
  ReceiptCollector,
  type Replay,
  type TracedAnswer,
} from "./collector.ts";
export { FileDigests } from "./digests.ts";
export { mediaDigests, mediaOf, type ReceiptMedia } from "./media.ts";
export { type AnsweredRequest, createIssuer, type ReceiptIssuer } from "./issuer.ts";
export {
  fromSamplingJson,
  isReceipt,
  isSignatureValid,
  type Receipt,
  type SamplingJson,
} from "./receipt.ts";
