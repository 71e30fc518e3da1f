import { answer, type Message } from "../../chat/mod.ts";
import type { Engine } from "../../engine/mod.ts";
import { messageOf, ShimmyError } from "../../errors.ts";
import { checkGeneratesText } from "../../models/entry/mod.ts";
import { command, type Environment, EXIT } from "../environment/mod.ts";
import { openNamedModel, PULL_OPTIONS } from "../sessions/mod.ts";
import { SAMPLING_OPTIONS, text, type Values } from "../options/mod.ts";
import { conversation, requestOf } from "./generate.ts";

const HELP = `/help          show this help
/clear         clear the conversation
/system TEXT   set the system message and clear the conversation
/exit          quit, like Ctrl-D
End a line with \\ to continue the message in the next line. Ctrl-C stops an answer.`;

const OPTIONS = {
  "system": text("TEXT", { help: "system message" }),
  ...PULL_OPTIONS,
  ...SAMPLING_OPTIONS,
} as const;

/** `chat`: a conversation in the terminal. */
export default command({
  operands: ["[NAME]"],
  options: OPTIONS,
  run: async ({ values, globals, config, operands }, environment) => {
    const interrupts = new Interrupts(environment);
    using _ = interrupts;
    await using session = await interrupts.during((signal) =>
      openNamedModel(environment, { asked: operands[0], yes: values.yes, globals, config, signal })
    );
    const entry = await session.selectModel();
    checkGeneratesText(entry);
    const engine = await interrupts.during((signal) => session.registry.engine(entry, signal));
    environment.output.note(`${entry.name}. /help shows the commands; /exit quits.`);
    return await new Chat(engine, values, environment, interrupts).run();
  },
});

/** Sends an interrupt to the running operation. Without one, the idle handler receives it. */
class Interrupts implements Disposable {
  readonly #listener: Disposable;
  #current: AbortController | null = null;
  #idle: (() => void) | null = null;

  constructor(environment: Environment) {
    this.#listener = environment.onInterrupt(() => {
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

  /** Sets the handler of interrupts while nothing runs. */
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
  readonly #environment: Environment;
  readonly #interrupts: Interrupts;
  #messages: Message[] = [];
  #idleInterrupts = 0;

  constructor(
    engine: Engine,
    values: Values<typeof OPTIONS>,
    environment: Environment,
    interrupts: Interrupts,
  ) {
    this.#engine = engine;
    this.#values = values;
    this.#environment = environment;
    this.#interrupts = interrupts;
    this.#reset(values.system);
  }

  /** Answers messages until the end of the input or `/exit`. Resolves to the exit status. */
  async run(): Promise<number> {
    const ended = Promise.withResolvers<null>();
    this.#interrupts.onIdle(() => {
      this.#idleInterrupts++;
      if (this.#idleInterrupts > 1) ended.resolve(null);
      else this.#environment.output.note("\nPress Ctrl-C again, or type /exit, to quit.");
    });
    for (;;) {
      const line = await Promise.race([this.#readMessage(), ended.promise]);
      this.#idleInterrupts = 0;
      if (line === null || line === "/exit") return EXIT.ok;
      if (line.startsWith("/")) this.#runCommand(line);
      else if (line.trim() !== "") await this.#answer(line);
    }
  }

  #reset(system: string | null): void {
    this.#messages = system === null ? [] : [{ role: "system", content: system }];
  }

  /** The user's next message. A backslash at the end of a line joins the next line; `null` at the end of the input. */
  async #readMessage(): Promise<string | null> {
    const { input, output } = this.#environment;
    const lines: string[] = [];
    for (;;) {
      if (input.isTerminal) await output.write(lines.length === 0 ? "> " : "… ");
      const line = await input.line();
      if (line === null) return lines.length === 0 ? null : lines.join("\n");
      if (!line.endsWith("\\")) return [...lines, line].join("\n");
      lines.push(line.slice(0, -1));
    }
  }

  #runCommand(line: string): void {
    const { output } = this.#environment;
    const [word, ...rest] = line.split(" ");
    if (word === "/help") output.note(HELP);
    else if (word === "/clear") {
      this.#messages = this.#messages.filter((message) => message.role === "system");
    } else if (word === "/system") this.#reset(rest.join(" ") || null);
    else output.note(`Unknown command ${word}; /help shows all commands.`);
  }

  async #answer(question: string): Promise<void> {
    const { output } = this.#environment;
    const messages: Message[] = [...this.#messages, { role: "user", content: question }];
    let text = "";
    try {
      await this.#interrupts.during(async (signal) => {
        const run = answer(this.#engine, requestOf(this.#values, conversation(messages)));
        signal.addEventListener("abort", () => run.control({ type: "cancel" }), { once: true });
        for await (const event of run) {
          if (event.type !== "text") continue;
          text += event.text;
          await output.write(event.text);
        }
      });
    } catch (error) {
      // A failed engine ends the chat; an invalid request, such as a too long message, does not.
      if (!(error instanceof ShimmyError) || error.kind === "backend") throw error;
      output.note(messageOf(error));
      return;
    }
    await output.write("\n");
    this.#messages = [...messages, { role: "assistant", content: text }];
  }
}
