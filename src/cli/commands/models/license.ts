import { ensureSigningKey, parseLifetime, randomId, signToken } from "../../../access/mod.ts";
import { keyFolder } from "../../config/mod.ts";
import { command, EXIT } from "../../environment/mod.ts";
import { inspectLicense } from "../../keys/mod.ts";
import { flag, KEYS_DIR, parsed, text, UsageError } from "../../options/mod.ts";

/** `license`: shows a license. No command and no server asks for one. */
export default command({
  operands: ["[LICENSE]"],
  options: {
    "license": text("LICENSE", { env: "SHIMMY_LICENSE", help: "the license to show" }),
    "public-key": text("KEY", {
      help: "public key of the issuer; default: that of shimmy keys public",
    }),
    "issue": text("NAME", {
      help: "sign a license for NAME with the signing key of shimmy keys, and print it",
    }),
    "expires": parsed(parseLifetime, "TIME", {
      help: "with --issue: lifetime such as 1y or 30d; default: no end",
    }),
    "keys-dir": text("DIR", KEYS_DIR),
    "json": flag({ help: "print JSON" }),
  },
  run: async ({ values, operands: [operand] }, { env, output }) => {
    const folder = keyFolder(values["keys-dir"], { env, os: Deno.build.os });
    const now = Math.floor(Date.now() / 1000);
    if (values.issue !== null) {
      if (folder === null) throw new UsageError("license: there is no home folder; set --keys-dir");
      const { privateKey } = await ensureSigningKey(folder);
      const expires = values.expires === null ? {} : { expires: now + values.expires };
      const name = values.issue;
      const claims = { type: "license", id: randomId(), name, created: now, ...expires } as const;
      await output.print(await signToken(claims, privateKey));
      return EXIT.ok;
    }
    const license = operand ?? values.license;
    if (license === null || license === undefined) {
      await output.print(values.json ? "null" : "No license is given. Shimmy needs none");
      return EXIT.ok;
    }
    const shown = await inspectLicense(folder, license.trim(), values["public-key"], now);
    await output.print(values.json ? JSON.stringify(shown.json) : shown.text);
    return shown.isValid ? EXIT.ok : EXIT.failure;
  },
});
