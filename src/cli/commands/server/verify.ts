import { readSigningKey } from "../../../access/mod.ts";
import { fileReason, ShimmyError } from "../../../errors.ts";
import { FileDigests, isSignatureValid, type Receipt } from "../../../receipts/mod.ts";
import { cacheDirectory } from "../../../runtime/library/paths.ts";
import { keyFolder } from "../../config/mod.ts";
import { readImage, readSound } from "../../answering/mod.ts";
import { command, type Environment, EXIT, interruptible } from "../../environment/mod.ts";
import { flag, type GlobalValues, KEYS_DIR, text, texts } from "../../options/mod.ts";
import { openNamedModel, PULL_OPTIONS } from "../../sessions/mod.ts";
import {
  checkReceipt,
  compare,
  type GivenFiles,
  obstacles,
  otherText,
  type Proof,
  readProof,
  replay,
  type Verdict,
  verdictJson,
  verdictText,
} from "../../verification/mod.ts";

const OPTIONS = {
  "model": text("NAME", {
    isPath: true,
    help: "model that computes the answer again; default: the one that the receipt names",
  }),
  "public-key": text("KEY", {
    help:
      "public key that must have signed; default: that of shimmy keys public, or that of the receipt",
  }),
  "keys-dir": text("DIR", KEYS_DIR),
  "image": texts("FILE", { isPath: true, help: "image at a URL of the request, in their order" }),
  "audio": text("FILE", { isPath: true, help: "sound of a transcription" }),
  "text": flag({ help: "print the text of the tokens too" }),
  "json": flag({ help: "print JSON" }),
  ...PULL_OPTIONS,
} as const;

/** `verify`: checks the signature of a receipt and computes its answer again. */
export default command({
  operands: ["FILE", "[REQUEST]"],
  notes: [
    ["FILE", "a response with a receipt, or an object with request and response"],
    ["REQUEST", "the body of the request, if FILE does not have it"],
  ],
  options: OPTIONS,
  run: ({ values, globals, config, operands: [file, requestFile] }, environment) =>
    interruptible(environment, EXIT.interrupted, async (signal) => {
      const proof = await readProof(
        await read(file!),
        requestFile === undefined ? null : await read(requestFile),
      );
      const folder = keyFolder(values["keys-dir"], { env: environment.env, os: Deno.build.os });
      const signer = await signerOf(proof.receipts[0], values["public-key"], folder);
      for (const receipt of proof.receipts) {
        if (await isSignatureValid(receipt, signer.publicKey)) continue;
        throw new ShimmyError("invalid", `The signature is wrong for ${signer.name}`);
      }
      environment.output.note(`The signature is right for ${signer.name}`);
      proof.receipts.forEach(checkReceipt);
      const asked = values.model ?? undefined;
      const request = {
        asked: asked ?? proof.receipts[0].model.name,
        yes: values.yes,
        globals: settingsOf(proof.receipts[0], globals),
        config,
        parallel: proof.receipts[0].context.parallel,
        signal,
      };
      const files = {
        images: await Promise.all(values.image.map((path) => readImage(path, environment))),
        sounds: values.audio === null ? [] : [await readSound(values.audio, environment)],
      };
      const verdicts = await verdictsOf(environment, proof, files, asked, request);
      await environment.output.print(
        values.json
          ? JSON.stringify(verdicts.map(verdictJson))
          : verdicts.map((verdict) => verdictText(verdict, values.text)).join("\n"),
      );
      return verdicts.every(({ result }) => result === "identical") ? EXIT.ok : EXIT.failure;
    }),
});

async function verdictsOf(
  environment: Environment,
  proof: Proof,
  files: GivenFiles,
  asked: string | undefined,
  request: Parameters<typeof openNamedModel>[1],
): Promise<Verdict[]> {
  const hindered = proof.receipts.map(obstacles);
  if (hindered.every((reasons) => reasons.length > 0)) return hindered.map(notComparable);
  await using session = await openNamedModel(environment, request);
  const entry = await session.selectModel();
  const digests = new FileDigests(cacheDirectory(environment.env));
  const hasMedia = proof.receipts.some(({ media }) => media !== undefined);
  const projector = hasMedia ? entry.projector : undefined;
  const now = {
    model: await Promise.all(entry.paths.map((path) => digests.of(path))),
    ...(projector === undefined ? {} : { projector: await digests.of(projector) }),
  };
  const named = asked !== undefined || proof.request.model == null ? entry.name : undefined;
  let replayed = await replay(session.registry, proof, files, named);
  if ("refusal" in replayed && named === undefined) {
    // The server may have had an alias that this machine does not have.
    replayed = await replay(session.registry, proof, files, entry.name);
  }
  if ("refusal" in replayed) {
    return proof.receipts.map(() => notComparable([`the request is refused: ${replayed.refusal}`]));
  }
  const engine = await session.registry.engine(entry, request.signal);
  const verdicts: Verdict[] = [];
  for (const [index, receipt] of proof.receipts.entries()) {
    const answer = replayed.answers[index];
    const reasons = hindered[index]!;
    const verdict = answer === undefined || reasons.length > 0
      ? notComparable(reasons.length > 0 ? reasons : ["the answer is missing now"])
      : await compare(receipt, answer, engine, now);
    const other = otherText(proof.texts[index], replayed.texts[index]);
    verdicts.push(
      verdict.result === "identical" && other !== null
        ? { result: "other text", ...other }
        : verdict,
    );
  }
  return verdicts;
}

function notComparable(reasons: readonly string[]): Verdict {
  return { result: "not comparable", reasons };
}

/** The global options with the settings that the answer was computed with. */
function settingsOf({ context, backend }: Receipt, globals: GlobalValues): GlobalValues {
  return {
    ...globals,
    ctx: context.length,
    batch: context.batch_size,
    threads: backend.threads,
    "kv-type": context.kv_type,
    "kv-unified": context.kv_unified ? "on" : "off",
    "flash-attn": context.flash_attention,
    "context-shift": context.context_shift,
    lookup: context.lookup ? "on" : "off",
  };
}

/** Whose signature the receipt must have, and how messages call this key. */
async function signerOf(
  receipt: Receipt,
  given: string | null,
  folder: string | null,
): Promise<{ readonly publicKey: string; readonly name: string }> {
  if (given !== null) return { publicKey: given, name: "the given public key" };
  const own = folder === null ? null : await readSigningKey(folder);
  const { id, public_key: publicKey } = receipt.key;
  if (own?.publicText === publicKey) return { publicKey, name: "this machine's key" };
  return {
    publicKey,
    name: `the key ${id} in the receipt, which is not known here; --public-key names a known one`,
  };
}

async function read(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (cause) {
    throw new ShimmyError("not_found", `Cannot read ${path}: ${fileReason(cause)}`, { cause });
  }
}
