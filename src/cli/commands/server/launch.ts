import { join } from "node:path";
import { ShimmyError } from "../../../errors.ts";
import { similarName } from "../../../models/entry/mod.ts";
import { cacheDirectory } from "../../../runtime/library/paths.ts";
import { type ListedModel, ServerClient } from "../../client/mod.ts";
import { type Call, command, type Environment, EXIT } from "../../environment/mod.ts";
import {
  chooseModel,
  type Client,
  CLIENTS,
  contextWarning,
  findExecutable,
  lastingFolder,
  runClient,
  setupLines,
  shellScript,
  startServer,
  type Target,
  temporaryFolder,
  type TemporaryServer,
  writeSettings,
} from "../../launching/mod.ts";
import {
  flag,
  GLOBAL_OPTIONS,
  integer,
  parseOptions,
  SERVER_OPTIONS,
  text,
  UsageError,
} from "../../options/mod.ts";
import { printable } from "../../output/mod.ts";

const OPTIONS = {
  ...SERVER_OPTIONS,
  "model": text("NAME", { help: "model that the client uses; default: the loaded or only one" }),
  "print": flag({ help: "print a shell script with the settings instead of starting the client" }),
  // An agent sends small requests beside its conversation; more streams would leave less context.
  "parallel": integer({
    min: 1,
    max: 256,
    fallback: 2,
    help: "maximum parallel requests of a server that launch starts; default 2",
  }),
};

/** `launch`: starts a client program with a running server, or with a server of its own. */
export default command({
  operands: [Object.keys(CLIENTS).join("|"), "[ARGS...]"],
  notes: [
    ...Object.entries(CLIENTS).map(([name, { title }]) => [name, title] as const),
    ["-- ARGS", "arguments of the client; -- precedes arguments that begin with a hyphen"],
  ],
  options: OPTIONS,
  run: async (call, environment) => {
    const { values, operands: [name = "", ...args] } = call;
    const client = clientOf(name);
    const path = await findExecutable(client.executable, environment.env);
    if (path === null && !values.print) {
      throw new ShimmyError(
        "not_found",
        `${client.title} is not installed: PATH has no '${client.executable}'; ` +
          `install it with: ${client.install}`,
      );
    }
    await using resources = new AsyncDisposableStack();
    const prepared = await whileInterruptible(
      environment,
      (signal) => prepare(call, client, environment, resources, signal),
    );
    const { setup, server } = prepared;
    if (values.print || path === null) {
      await environment.output.write(
        shellScript({ executable: client.executable, setup, args }) + "\n",
      );
      return EXIT.ok;
    }
    server?.silence();
    return await runClient({ path, setup, args, apiKey: values["api-key"] }, environment);
  },
});

function clientOf(name: string): Client {
  if (Object.hasOwn(CLIENTS, name)) return CLIENTS[name as keyof typeof CLIENTS];
  const names = Object.keys(CLIENTS);
  const similar = similarName(names, name);
  const hint = similar === undefined ? "" : `; did you mean '${similar}'?`;
  throw new UsageError(`launch: must be one of ${names.join(", ")}, not '${name}'${hint}`);
}

/** Does work that an interrupt aborts. */
async function whileInterruptible<T>(
  environment: Environment,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  using _ = environment.onInterrupt(() => controller.abort());
  return await work(controller.signal);
}

/** Finds or starts the server, loads the model, and writes and reports the settings. */
async function prepare(
  call: Call<typeof OPTIONS>,
  client: Client,
  environment: Environment,
  resources: AsyncDisposableStack,
  signal: AbortSignal,
) {
  const { values } = call;
  const { env, output } = environment;
  if (values.host?.startsWith("unix:")) {
    throw new UsageError(`--host: clients need HOST, HOST:PORT or a URL, not '${values.host}'`);
  }
  const running = new ServerClient(values, { env, signal });
  let server: TemporaryServer | null = null;
  let connection = running;
  if (await running.isReachable()) {
    const unused = globalsFor(call);
    if (unused.length > 0) {
      output.alert(
        `warning: ${unused.join(", ")}: no effect on the running server at ${running.origin}`,
      );
    }
  } else {
    if (values.print) {
      throw new ShimmyError(
        "backend",
        `No server answers at ${running.origin}; start one with shimmy serve, or set --host`,
      );
    }
    const { default: serve } = await import("./serve.ts");
    server = await startServer(call, environment, new URL(running.origin), serve);
    resources.use(server);
    connection = new ServerClient({ ...values, host: server.address }, { env, signal });
    output.note(`Started a server, which ends with ${client.title}`);
  }
  const models = await connection.list();
  const model = await modelOf(values.model, models, server);
  const target: Target = {
    url: connection.origin,
    model,
    context: values.print ? await connection.contextLength(model) : await connection.load(model),
    hasKey: values["api-key"] !== null,
  };
  const folder = values.print ? lastingFolder(() => cacheDirectory(env)) : await temporaryFolder();
  resources.use(folder);
  const pathOf = (file: string) => join(folder.path, file);
  const setup = client.configure(target, pathOf);
  await writeSettings(folder, setup.files);
  for (const line of setupLines(target, setup, pathOf)) output.note(printable(line));
  const listed = models.find(({ name }) => name === model);
  const warning = contextWarning(client, target, {
    trained: listed?.context_length ?? null,
    isOwn: server !== null,
    isBuiltin: listed?.source === "builtin",
  });
  if (warning !== null) output.alert(printable(warning));
  return { setup, server };
}

/** The name of the model: the user's, that of the started server, or the one that stands out. */
async function modelOf(
  asked: string | null,
  models: readonly ListedModel[],
  server: TemporaryServer | null,
): Promise<string> {
  if (asked !== null) return asked;
  return server === null ? chooseModel(models).name : await server.defaultModel();
}

/** Global options and variables with another value than the default, which a running server ignores. */
function globalsFor({ globals }: Call<typeof OPTIONS>): string[] {
  const { values: defaults } = parseOptions([], GLOBAL_OPTIONS, () => undefined);
  const own = ["config", "quiet", "verbose"];
  return Object.entries(globals)
    .filter(([name]) => name in defaults && !own.includes(name))
    .filter(([name, value]) =>
      JSON.stringify(value) !== JSON.stringify(defaults[name as keyof typeof defaults])
    )
    .map(([name]) => `--${name}`);
}
