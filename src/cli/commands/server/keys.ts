import {
  DEFAULT_SCOPES,
  ensureKeyList,
  ensureSigningKey,
  isScope,
  issueKey,
  keyJson,
  type KeyRights,
  knownKeyJson,
  parseLifetime,
  parseQuota,
  readKeyList,
  readKeys,
  readSigningKey,
  revokeKey,
  type Scope,
  SCOPES,
} from "../../../access/mod.ts";
import { ShimmyError } from "../../../errors.ts";
import { keyFolder } from "../../config/mod.ts";
import { command, type Environment, EXIT } from "../../environment/mod.ts";
import { flag, KEYS_DIR, parsed, text, UsageError, type Values } from "../../options/mod.ts";
import { describeKey, inspectKey, keyTable } from "../../keys/mod.ts";

const OPTIONS = {
  "name": text("NAME", { help: "create: name of the key's holder" }),
  "models": text("GLOB,...", {
    help: "create: models that the key may use, with * and ?; default: all",
  }),
  "scopes": text("SCOPE,...", {
    help: `create: ${SCOPES.join(", ")}; default: ${DEFAULT_SCOPES.join(",")}`,
  }),
  "expires": parsed(parseLifetime, "TIME", {
    help: "create: lifetime such as 30d or 12h; default: no end",
  }),
  "rate": parsed(parseQuota, "N/TIME", { help: "create: maximum requests, such as 60/min" }),
  "tokens": parsed(parseQuota, "N/TIME", { help: "create: maximum tokens, such as 1M/day" }),
  "keys-dir": text("DIR", KEYS_DIR),
  "json": flag({ help: "print JSON" }),
} as const;

type KeyValues = Values<typeof OPTIONS>;

/** What an action works on. */
interface Action {
  readonly folder: string;
  readonly values: KeyValues;
  readonly operand: string | undefined;
  readonly environment: Environment;
}

const ACTIONS: Readonly<Record<string, (action: Action) => Promise<number>>> = {
  init,
  create,
  list,
  revoke,
  inspect,
  public: printPublicKey,
};

/** `keys`: manages signed API keys. */
export default command({
  operands: ["init|create|list|revoke|inspect|public", "[ID|KEY]"],
  notes: [
    ["init", "make the signing key; servers of this user then require a key"],
    ["create", "make a key with --name, and print it"],
    ["list", "list the keys and their use"],
    ["revoke ID", "make a key invalid at once"],
    ["inspect KEY", "show the rights of a key; -: read it from stdin"],
    ["public", "print the public key, which verifies receipts"],
  ],
  options: OPTIONS,
  run: async ({ values, operands: [name, operand] }, environment) => {
    const action = Object.hasOwn(ACTIONS, name!) ? ACTIONS[name!]! : undefined;
    const valid = Object.keys(ACTIONS).join(", ");
    if (action === undefined) throw new UsageError(`keys: must be one of ${valid}, not '${name}'`);
    const takesOperand = action === revoke || action === inspect;
    if (takesOperand && operand === undefined) {
      throw new UsageError(`keys ${name}: ${action === revoke ? "ID" : "KEY"} is missing`);
    }
    if (!takesOperand && operand !== undefined) {
      throw new UsageError(`keys ${name}: unexpected argument '${operand}'`);
    }
    const folder = keyFolder(values["keys-dir"], { env: environment.env, os: Deno.build.os });
    if (folder === null) throw new UsageError("keys: there is no home folder; set --keys-dir");
    return await action({ folder, values, operand, environment });
  },
});

async function init({ folder, environment: { output } }: Action): Promise<number> {
  const isNew = await readKeyList(folder) === null;
  await ensureSigningKey(folder);
  await ensureKeyList(folder);
  await output.print(folder);
  output.note(
    isNew
      ? "Servers of this user now require a key; shimmy keys create --name NAME makes one"
      : "The keys exist; nothing has changed",
  );
  return EXIT.ok;
}

async function create({ folder, values, environment: { output } }: Action): Promise<number> {
  const { name } = values;
  if (name === null || name.trim() === "") throw new UsageError("keys create: --name is missing");
  if (name.length > 100) throw new UsageError("--name: must have at most 100 characters");
  const now = Math.floor(Date.now() / 1000);
  const models = listOf(values.models);
  if (models?.length === 0) {
    throw new UsageError(`--models: must have a pattern, such as 'qwen*', not '${values.models}'`);
  }
  const rights: KeyRights = {
    name,
    scopes: scopesOf(values.scopes),
    ...(models === null ? {} : { models }),
    ...(values.expires === null ? {} : { expires: now + values.expires }),
    ...(values.rate === null ? {} : { rate: values.rate }),
    ...(values.tokens === null ? {} : { tokens: values.tokens }),
  };
  const isFirst = await readKeyList(folder) === null;
  const { key, claims } = await issueKey(folder, rights, now);
  await output.print(values.json ? JSON.stringify({ key, ...keyJson(claims) }) : key);
  output.note(`${describeKey(claims)}\nThe key is not stored: keep it now`);
  if (isFirst) output.note("Servers of this user now require a key");
  return EXIT.ok;
}

async function list({ folder, values, environment: { output } }: Action): Promise<number> {
  const known = await readKeys(folder, Date.now() / 1000);
  if (known === null) throw noKeys();
  await output.print(
    values.json
      ? JSON.stringify(known.list.keys.map((claims) => knownKeyJson(claims, known)))
      : keyTable(known),
  );
  return EXIT.ok;
}

async function revoke({ folder, operand, environment: { output } }: Action): Promise<number> {
  const id = operand!.toLowerCase();
  if (!/^[0-9a-f]{16}$/.test(id)) {
    throw new UsageError(`keys revoke: must be an id of shimmy keys list, not '${operand}'`);
  }
  const list = await readKeyList(folder);
  if (list === null) throw noKeys();
  await revokeKey(folder, id, Math.floor(Date.now() / 1000));
  const claims = list.keys.find((one) => one.id === id);
  output.note(
    claims === undefined
      ? `Revoked ${id}, which is not in the list of keys`
      : `Revoked ${id}, the key '${claims.name}'; running servers refuse it within a second`,
  );
  return EXIT.ok;
}

async function inspect(action: Action): Promise<number> {
  const { folder, operand, values, environment: { input, output } } = action;
  const key = (operand === "-" ? await input.text() : operand!).trim();
  const { text, json, isValid } = await inspectKey(folder, key, Date.now() / 1000);
  await output.print(values.json ? JSON.stringify(json) : text);
  return isValid ? EXIT.ok : EXIT.failure;
}

async function printPublicKey(
  { folder, values, environment: { output } }: Action,
): Promise<number> {
  const key = await readSigningKey(folder);
  if (key === null) throw noKeys();
  const { id, publicText } = key;
  await output.print(values.json ? JSON.stringify({ id, public_key: publicText }) : publicText);
  return EXIT.ok;
}

function noKeys(): ShimmyError {
  return new ShimmyError("not_found", "There are no keys; make the first with shimmy keys init");
}

/** The parts of a list with commas; null when it is not given. */
function listOf(text: string | null): string[] | null {
  return text === null
    ? null
    : text.split(",").map((one) => one.trim()).filter((one) => one !== "");
}

function scopesOf(text: string | null): readonly Scope[] {
  const given = listOf(text) ?? DEFAULT_SCOPES;
  const unknown = given.find((one) => !isScope(one));
  if (unknown === undefined && given.length > 0) return given.filter(isScope);
  throw new UsageError(
    `--scopes: must be some of ${SCOPES.join(", ")}, separated by commas, not '${unknown ?? text}'`,
  );
}
