import { ServerClient, type ServerModel } from "../../client/mod.ts";
import { command, EXIT, interruptible } from "../../environment/mod.ts";
import { flag, SERVER_OPTIONS } from "../../options/mod.ts";
import { bytes, table } from "../../output/mod.ts";

/** `ps`: lists the models that a running server has loaded. */
export default command({
  operands: [],
  options: { ...SERVER_OPTIONS, "json": flag({ help: "print JSON" }) },
  run: ({ values }, environment) =>
    interruptible(environment, EXIT.interrupted, async (signal) => {
      const client = new ServerClient(values, { env: environment.env, signal });
      const models = await client.models();
      environment.output.note(`The server at ${client.address} answers`);
      await environment.output.print(
        values.json ? JSON.stringify(models) : modelTable(models, Date.now()),
      );
      return EXIT.ok;
    }),
});

/** @param now Milliseconds since the epoch. */
export function modelTable(models: readonly ServerModel[], now: number): string {
  return table([
    ["NAME", "STATE", "MEMORY", "PLACEMENT", "CONTEXT", "REQUESTS", "UNLOADED IN"],
    ...models.map((model) => [
      model.name,
      stateOf(model),
      model.memory_bytes === undefined || model.memory_bytes === null
        ? "?"
        : bytes(model.memory_bytes),
      placementOf(model),
      String(model.loaded?.context_length ?? "?"),
      String(model.requests ?? 0),
      expiryOf(model, now),
    ]),
  ]);
}

function stateOf({ state, progress, error }: ServerModel): string {
  if (state === "loading") return `loading ${Math.floor(progress * 100)} %`;
  return error === null ? state : `${state}: ${error}`;
}

function placementOf({ loaded }: ServerModel): string {
  if (loaded === null) return "?";
  if (loaded.offloaded_layers === 0) return "CPU";
  return `${loaded.offloaded_layers} of ${loaded.layers + 1} layers on ${
    loaded.devices.join(", ")
  }`;
}

function expiryOf({ expires_at }: ServerModel, now: number): string {
  if (expires_at === undefined) return "?";
  if (expires_at === null) return "never";
  const seconds = Math.max(0, Math.round((Date.parse(expires_at) - now) / 1000));
  return seconds < 90 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
}
