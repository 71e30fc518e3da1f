import { answer, type Message } from "../../chat/mod.ts";
import type { Engine } from "../../engine/mod.ts";
import { messageOf, ShimmyError } from "../../errors.ts";
import { checkGeneratesText } from "../../models/entry/mod.ts";
import { command, EXIT, type World } from "../environment/mod.ts";
import { openNamed, PULL_OPTIONS } from "../sessions/mod.ts";
import { SAMPLING_OPTIONS, text, type Values } from "../options/mod.ts";
import { conversation, requestOf } from "./generate.ts";

const HELP = `/help          this
/clear         forget the conversation
/system TEXT   set the system message and begin anew
/exit          end, as Ctrl-D does
A line that ends in \\ goes on in the next one. Ctrl-C stops an answer.`;

const OPTIONS = {
  "system": text("TEXT", { help: "the system message" }),
  ...PULL_OPTIONS,
  ...SAMPLING_OPTIONS,
} as const;

/** `chat`: a conversation in the terminal. */
export default command({
  operands: ["[NAME]"],
  options: OPTIONS,
  run: async ({ values, globals, config, operands }, world) => {
    const stops = new Stops(world);
    using _ = stops;
    await using session = await stops.during((signal) =>
      openNamed(world, { asked: operands[0], yes: values.yes, globals, config, signal })
    );
    const entry = await session.choose();
    checkGeneratesText(entry);
    const engine = await stops.during((signal) => session.pool.engine(entry, signal));
    world.output.note(`${entry.name}. /help shows what else can be typed; /exit ends.`);
    return await new Chat(engine, values, world, stops).run();
  },
});

/** Requests to stop go to what runs at the moment; between answers the second one in a row ends. */
class Stops implements Disposable {
  readonly #listener: Disposable;
  #current: AbortController | null = null;
  #idle: (() => void) | null = null;

  constructor(world: World) {
    this.#listener = world.onStop(() => {
      if (this.#current !== null) this.#current.abort();
      else this.#idle?.();
    });
  }

  async during<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    this.#current = new AbortController();
    try {
      return await work(this.#current.signal);
    } finally {
      this.#current = null;
    }
  }

  /** What a request to stop does while nothing runs. */
  onIdle(handler: () => void): void {
    this.#idle = handler;
  }

  [Symbol.dispose](): void {
    this.#listener[Symbol.dispose]();
  }
}

class Chat {
  readonly #engine: Engine;
  readonly #values: Values<typeof OPTIONS>;
  readonly #world: World;
  readonly #stops: Stops;
  #messages: Message[] = [];
  #asksToStop = 0;

  constructor(engine: Engine, values: Values<typeof OPTIONS>, world: World, stops: Stops) {
    this.#engine = engine;
    this.#values = values;
    this.#world = world;
    this.#stops = stops;
    this.#begin(values.system);
  }

  /** Answers until the end of the input or `/exit`; resolves to the exit status. */
  async run(): Promise<number> {
    const ended = Promise.withResolvers<null>();
    this.#stops.onIdle(() => {
      this.#asksToStop++;
      if (this.#asksToStop > 1) ended.resolve(null);
      else this.#world.output.note("\nCtrl-C again, or /exit, ends. Go on:");
    });
    for (;;) {
      const line = await Promise.race([this.#question(), ended.promise]);
      this.#asksToStop = 0;
      if (line === null || line === "/exit") return EXIT.ok;
      if (line.startsWith("/")) this.#obey(line);
      else if (line.trim() !== "") await this.#answer(line);
    }
  }

  #begin(system: string | null): void {
    this.#messages = system === null ? [] : [{ role: "system", content: system }];
  }

  /** What the user types, joined where lines end in a backslash; `null` at the end of the input. */
  async #question(): Promise<string | null> {
    const { input, output } = this.#world;
    const lines: string[] = [];
    for (;;) {
      if (input.isTerminal) await output.write(lines.length === 0 ? "> " : "… ");
      const line = await input.line();
      if (line === null) return lines.length === 0 ? null : lines.join("\n");
      if (!line.endsWith("\\")) return [...lines, line].join("\n");
      lines.push(line.slice(0, -1));
    }
  }

  #obey(line: string): void {
    const { output } = this.#world;
    const [word, ...rest] = line.split(" ");
    if (word === "/help") output.note(HELP);
    else if (word === "/clear") {
      this.#messages = this.#messages.filter((message) => message.role === "system");
    } else if (word === "/system") this.#begin(rest.join(" ") || null);
    else output.note(`Unknown: ${word}. /help shows what there is.`);
  }

  async #answer(question: string): Promise<void> {
    const { output } = this.#world;
    const messages: Message[] = [...this.#messages, { role: "user", content: question }];
    let said = "";
    try {
      await this.#stops.during(async (signal) => {
        const run = answer(this.#engine, requestOf(this.#values, conversation(messages)));
        signal.addEventListener("abort", () => run.control({ type: "cancel" }), { once: true });
        for await (const event of run) {
          if (event.type !== "text") continue;
          said += event.text;
          await output.write(event.text);
        }
      });
    } catch (error) {
      // A dead engine ends the program; a question that cannot be answered does not.
      if (!(error instanceof ShimmyError) || error.kind === "backend") throw error;
      output.note(messageOf(error));
      return;
    }
    await output.write("\n");
    this.#messages = [...messages, { role: "assistant", content: said }];
  }
}
