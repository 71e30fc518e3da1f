import { type Answer, answer, type AnswerEvent, type Message } from "../../chat/mod.ts";
import { type Engine, iterateEvents } from "../../engine/mod.ts";
import { messageOf, ShimmyError } from "../../errors.ts";
import { checkGeneratesText, type ModelEntry } from "../../models/entry/mod.ts";
import { type Call, command, type Environment, EXIT } from "../environment/mod.ts";
import { printable } from "../output/mod.ts";
import { MODEL_OPTIONS, nameOf, openNamedModel, PULL_OPTIONS } from "../sessions/mod.ts";
import { type GlobalValues, SAMPLING_OPTIONS, text, type Values } from "../options/mod.ts";
import { conversation, requestOf } from "./generate.ts";

const HELP = `/help          show this help
/clear         clear the conversation
/system TEXT   set the system message and clear the conversation
/exit          quit, like Ctrl-D
End a line with \\ to continue the message in the next line. Ctrl-C stops an answer.`;

const OPTIONS = {
  ...MODEL_OPTIONS,
  "system": text("TEXT", { help: "system message" }),
  ...PULL_OPTIONS,
  ...SAMPLING_OPTIONS,
} as const;

/** `chat`: a conversation in the terminal. */
export default command({
  operands: ["[NAME]"],
  options: OPTIONS,
  run: async (call, environment) => {
    const asked = nameOf("chat", call.values.name, call.operands[0]);
    return await chat({ ...call, asked }, environment);
  },
});

/** A call of `chat`, or of another command that starts a chat. */
interface ChatCall extends Pick<Call<typeof OPTIONS>, "values" | "globals" | "config"> {
  /** The requested model. `undefined`: the default model. */
  readonly asked: string | undefined;
}

/** Runs a chat until the end of the input. Resolves to the exit status. */
export async function chat(
  { values, globals, config, asked }: ChatCall,
  environment: Environment,
): Promise<number> {
  const interrupts = new Interrupts(environment);
  using _ = interrupts;
  await using session = await interrupts.during((signal) =>
    openNamedModel(environment, { asked, yes: values.yes, globals, config, signal })
  );
  const entry = await session.selectModel();
  checkGeneratesText(entry);
  const engine = await interrupts.during((signal) => session.registry.engine(entry, signal));
  environment.output.note(`${printable(entry.name)}. /help shows the commands; /exit quits.`);
  return await new Chat({ engine, entry, values, globals }, environment, interrupts).run();
}

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

/** The result of waiting for a message that a second interrupt ends. */
const INTERRUPTED = Symbol("interrupted");

/** Settings of the answers of a chat. */
interface ChatSettings {
  readonly engine: Engine;
  readonly entry: ModelEntry;
  readonly values: Values<typeof OPTIONS>;
  readonly globals: GlobalValues;
}

class Chat {
  readonly #settings: ChatSettings;
  readonly #environment: Environment;
  readonly #interrupts: Interrupts;
  #messages: Message[] = [];
  #idleInterrupts = 0;

  constructor(settings: ChatSettings, environment: Environment, interrupts: Interrupts) {
    this.#settings = settings;
    this.#environment = environment;
    this.#interrupts = interrupts;
    this.#reset(settings.values.system);
  }

  /** Answers messages until the end of the input or `/exit`. Resolves to the exit status. */
  async run(): Promise<number> {
    const interrupted = Promise.withResolvers<typeof INTERRUPTED>();
    this.#interrupts.onIdle(() => {
      this.#idleInterrupts++;
      if (this.#idleInterrupts > 1) interrupted.resolve(INTERRUPTED);
      else this.#environment.output.alert("\nPress Ctrl-C again, or type /exit, to quit.");
    });
    for (;;) {
      const line = await Promise.race([this.#readMessage(), interrupted.promise]);
      if (line === INTERRUPTED) return EXIT.interrupted;
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
    if (word === "/help") output.alert(HELP);
    else if (word === "/clear") {
      this.#messages = this.#messages.filter((message) => message.role === "system");
    } else if (word === "/system") this.#reset(rest.join(" ") || null);
    else output.alert(`Unknown command ${word}; /help shows all commands.`);
  }

  async #answer(question: string): Promise<void> {
    const { output } = this.#environment;
    this.#messages.push({ role: "user", content: question });
    try {
      const text = await this.#interrupts.during((signal) => this.#generate(signal));
      await output.write("\n");
      this.#messages.push({ role: "assistant", content: text });
    } catch (error) {
      // A failed engine ends the chat; an invalid request, such as a too long message, does not.
      if (!(error instanceof ShimmyError) || error.kind === "backend") throw error;
      output.alert(messageOf(error));
      this.#messages.pop();
    }
  }

  /** Streams the answer to the conversation and returns its text. */
  async #generate(signal: AbortSignal): Promise<string> {
    const { engine, entry, values, globals } = this.#settings;
    let text = "";
    try {
      const request = requestOf(values, globals, entry, conversation(this.#messages));
      const run = iterateEvents<AnswerEvent, Answer>((sink) => answer(engine, request, sink));
      signal.addEventListener("abort", () => run.control({ type: "cancel" }), { once: true });
      for await (const event of run) {
        if (event.type !== "text") continue;
        text += event.text;
        await this.#environment.output.write(event.text);
      }
      return text;
    } catch (error) {
      const isTooLong = error instanceof ShimmyError && error.kind === "context_length";
      if (!isTooLong || !globals["context-shift"] || !this.#dropOldest()) throw error;
      return await this.#generate(signal);
    }
  }

  /** Removes the oldest exchange, so that the conversation gets shorter. False if there is none. */
  #dropOldest(): boolean {
    const first = this.#messages.findIndex(({ role }) => role === "user");
    const next = this.#messages.findIndex(({ role }, at) => role === "user" && at > first);
    if (next === -1) return false;
    this.#messages.splice(first, next - first);
    return true;
  }
}
