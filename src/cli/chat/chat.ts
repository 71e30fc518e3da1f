import type { AnswerRequest } from "../../chat/mod.ts";
import { messageOf, ShimmyError } from "../../errors.ts";
import {
  conversation as inputOf,
  type Opened,
  type OpenModel,
  requestOf,
} from "../answering/mod.ts";
import { type Environment, EXIT } from "../environment/mod.ts";
import { printable } from "../output/mod.ts";
import {
  type ChatContext,
  type ChatSettings,
  isCommand,
  type LastAnswer,
  runCommand,
  tellUnreadMedia,
  type Totals,
} from "./commands/mod.ts";
import { completeAnswer, completeAnswers } from "./complete_answer.ts";
import type { Conversation, SavedConversations } from "./conversation/mod.ts";
import { Left, type MessageReader } from "./editor/mod.ts";
import {
  AnswersInOrder,
  AnswerView,
  rateLine,
  styled,
  STYLES,
  type ViewOptions,
} from "./rendering/mod.ts";
import { untilAborted } from "./until_aborted.ts";

/** Likely tokens beside each token of an answer, for `/why`. */
const ALTERNATIVES = 4;

/** Said where nothing remains of an answer: the reasoning alone is no answer. */
const STOPPED = "Stopped before the answer began; the conversation is as it was before.";

/** Everything that a chat uses. */
export interface ChatParts {
  readonly environment: Environment;
  readonly opened: Opened;
  readonly reader: MessageReader;
  readonly conversation: Conversation;
  readonly saved: SavedConversations;
  readonly settings: ChatSettings;
}

/** A conversation with a model: reads messages, runs commands, shows answers. */
export class Chat implements ChatContext {
  readonly environment: Environment;
  readonly host: ChatContext["host"];
  readonly reader: MessageReader;
  readonly conversation: Conversation;
  readonly saved: SavedConversations;
  readonly settings: ChatSettings;
  readonly totals: Totals = { answers: 0, promptTokens: 0, completionTokens: 0 };
  last: LastAnswer | null = null;
  alternatives: readonly LastAnswer[] = [];
  #model: OpenModel;
  #hasLeft = false;
  #hasToldDropped = false;

  constructor({ environment, opened, reader, conversation, saved, settings }: ChatParts) {
    this.environment = environment;
    this.host = opened.host;
    this.reader = reader;
    this.conversation = conversation;
    this.saved = saved;
    this.settings = settings;
    this.#model = opened.model;
  }

  get model(): OpenModel {
    return this.#model;
  }

  /** Answers messages until the end of the input or `/bye`. Resolves to the exit status. */
  async run(): Promise<number> {
    const { output } = this.environment;
    output.note(`${printable(this.#model.name)}. /help shows the commands; /bye quits.`);
    this.#noteTemplate();
    try {
      while (!this.#hasLeft) {
        const line = await this.reader.read();
        if (line === null) break;
        if (isCommand(line)) await this.#command(line);
        else if (line.trim() !== "") await this.#ask(line);
      }
      return EXIT.ok;
    } catch (error) {
      if (error instanceof Left) return EXIT.interrupted;
      throw error;
    }
  }

  say(text: string): void {
    this.environment.output.alert(text);
  }

  leave(): void {
    this.#hasLeft = true;
  }

  async switchModel(name: string): Promise<void> {
    const before = this.#model.name;
    try {
      // Where the model must be pulled first, the user is asked.
      this.#model = await this.reader.release((signal) => this.host.open(name, signal));
    } catch (error) {
      if (!this.host.isOpen && !(error instanceof Left)) {
        this.say(`Loading ${before} again, as ${name} cannot be loaded.`);
        this.#model = await this.reader.release((signal) => this.host.open(before, signal));
      }
      throw error;
    }
    this.#noteTemplate();
    tellUnreadMedia(this);
  }

  wait<T>(work: () => Promise<T>): Promise<T> {
    return this.reader.during((signal) => untilAborted(work(), signal));
  }

  countTokens(): Promise<number> {
    const { messages } = this.conversation;
    const continueLast = messages.at(-1)?.role === "assistant";
    return this.#model.countTokens(
      inputOf(messages, { continueLast, templateArguments: this.#templateArguments }),
    );
  }

  async answer(sampling: Partial<ChatSettings["sampling"]> = {}): Promise<boolean> {
    const { output } = this.environment;
    const values = { ...this.settings.sampling, ...sampling };
    const view = new AnswerView(output, this.#viewOptions());
    try {
      const answer = await this.reader.during((signal) =>
        completeAnswer({
          model: this.#model,
          conversation: this.conversation,
          templateArguments: this.#templateArguments,
          request: (input) => this.#request(values, input),
          signal,
          onEvent: (event) => view.event(event),
          onDropped: () => this.#tellDropped(),
        })
      );
      await view.end();
      if (answer.isCancelled && answer.text === "") {
        this.say(STOPPED);
        return false;
      }
      this.#keep(answer);
      if (answer.isFull) {
        this.say(
          `The context of ${this.#model.contextLength} tokens is full, so that the answer ends here. ` +
            "/clear begins a new conversation; --ctx sets a larger context.",
        );
      }
      return true;
    } catch (error) {
      output.progress(null);
      await view.fail();
      this.#failed(error);
      return false;
    }
  }

  async answers(count: number): Promise<readonly LastAnswer[]> {
    const { output } = this.environment;
    const views = Array.from({ length: count }, () => new AnswerView(output, this.#viewOptions()));
    const shown = new AnswersInOrder(views, (number) => {
      this.say(`Answer ${number + 1} of ${count}:`);
    });
    const { sampling } = this.settings;
    const requests = views.map((_, number) => {
      // The same seed would give the same answer.
      const seed = sampling.seed === null ? null : sampling.seed + number;
      return (input: AnswerRequest["input"]) => this.#request({ ...sampling, seed }, input);
    });
    try {
      const parts = {
        model: this.#model,
        conversation: this.conversation,
        templateArguments: this.#templateArguments,
        onDropped: () => this.#tellDropped(),
      };
      const answers = await this.reader.during((signal) =>
        completeAnswers({ ...parts, signal }, requests, (...event) => shown.event(...event))
      );
      await shown.end();
      const begun = answers.filter(({ isCancelled, text }) => !isCancelled || text !== "");
      if (begun.length === 0) this.say(STOPPED);
      for (const answer of begun) this.#add(answer);
      return begun;
    } catch (error) {
      output.progress(null);
      await shown.end();
      this.#failed(error);
      return [];
    }
  }

  /** Tells of an error, unless it ends the chat: a failed engine does, an invalid request does not. */
  #failed(error: unknown): void {
    const isLost = this.host.server === null && error instanceof ShimmyError &&
      error.kind === "backend";
    if (!(error instanceof ShimmyError) || isLost) throw error;
    this.say(messageOf(error));
  }

  async #ask(question: string): Promise<void> {
    const back = this.conversation.mark();
    this.conversation.ask(question);
    if (!await this.answer()) return back();
    this.alternatives = [];
  }

  async #command(line: string): Promise<void> {
    try {
      await runCommand(this, line);
    } catch (error) {
      if (!(error instanceof ShimmyError)) throw error;
      this.say(messageOf(error));
    }
  }

  #keep(answer: LastAnswer): void {
    this.conversation.reply(answer.text, answer.reasoning);
    this.last = answer;
    this.#add(answer);
  }

  /** Counts an answer, and shows its rate if that is wanted. */
  #add(answer: LastAnswer): void {
    this.totals.answers++;
    this.totals.promptTokens += answer.usage.promptTokens;
    this.totals.completionTokens += answer.usage.completionTokens;
    if (!this.settings.isVerbose) return;
    const line = rateLine(answer.usage, answer.timings);
    const { styles } = this.#viewOptions();
    // The styles would be escaped in a note.
    if (styles === null) this.say(line);
    else void this.environment.output.write(`${styled(styles.dim, line)}\n`);
  }

  #request(values: ChatSettings["sampling"], input: AnswerRequest["input"]): AnswerRequest {
    const request = requestOf(values, this.#model, input);
    return {
      ...request,
      ...(this.settings.isJson ? { format: { type: "json_object" } as const } : {}),
      ...(this.settings.thinks === false ? { reasoningBudget: 0 } : {}),
      ...(this.environment.keyboard === null
        ? {}
        : { logprobs: ALTERNATIVES, reportsProgress: true }),
    };
  }

  /** The template variables of models that can switch their reasoning. */
  get #templateArguments(): Readonly<Record<string, unknown>> {
    const { thinks } = this.settings;
    return thinks === null ? {} : { enable_thinking: thinks, thinking: thinks };
  }

  #viewOptions(): ViewOptions {
    const { keyboard, env } = this.environment;
    if (keyboard === null) {
      return { styles: null, columns: Infinity, wraps: false, reasoning: "hidden" };
    }
    const { wraps, reasoning, isJson } = this.settings;
    const isPlain = Boolean(env("NO_COLOR")) || isJson;
    return { styles: isPlain ? null : STYLES, columns: keyboard.columns, wraps, reasoning };
  }

  #tellDropped(): void {
    if (this.#hasToldDropped) return;
    this.#hasToldDropped = true;
    this.environment.output.alert(
      `The conversation is longer than the context of ${this.#model.contextLength} tokens: ` +
        "its oldest questions and answers are left out from now on.",
    );
  }

  #noteTemplate(): void {
    const { name, hasTemplate } = this.#model;
    if (hasTemplate) return;
    this.environment.output.note(
      `${
        printable(name)
      } has no chat template: the roles are written in a neutral format, and an ` +
        "answer ends where the next role begins.",
    );
  }
}
