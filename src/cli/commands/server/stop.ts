import { ServerClient } from "../../client/mod.ts";
import { command, EXIT, interruptible } from "../../environment/mod.ts";
import { SERVER_OPTIONS } from "../../options/mod.ts";
import { printable } from "../../output/mod.ts";

/** `stop`: unloads a model of a running server. */
export default command({
  operands: ["NAME"],
  options: SERVER_OPTIONS,
  run: ({ values, operands }, environment) =>
    interruptible(environment, EXIT.interrupted, async (signal) => {
      const client = new ServerClient(values, { env: environment.env, signal });
      const { name, unloaded } = await client.unload(operands[0]!);
      environment.output.note(`The server at ${client.address} answers`);
      if (unloaded) await environment.output.print(printable(`Unloaded ${name}`));
      else environment.output.note(printable(`${name} is not loaded`));
      return EXIT.ok;
    }),
});
