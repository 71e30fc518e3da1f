import type { Message } from "../../../chat/mod.ts";

/** A conversation as a file keeps it. */
export interface SavedConversation {
  readonly model: string;
  readonly messages: readonly Message[];
}

/** The messages of a chat: a system message, then questions with their answers. */
export class Conversation {
  #system: string | null;
  #messages: Message[] = [];
  /** Texts that go before the next question. */
  #attachments: string[] = [];

  constructor(system: string | null) {
    this.#system = system;
  }

  get system(): string | null {
    return this.#system;
  }

  /** Replaces the system message; null: none. */
  set system(text: string | null) {
    this.#system = text;
  }

  /** All messages, the system message first. */
  get messages(): readonly Message[] {
    return this.#system === null
      ? this.#messages
      : [{ role: "system", content: this.#system }, ...this.#messages];
  }

  /** Number of questions. */
  get questions(): number {
    return this.#messages.filter(({ role }) => role === "user").length;
  }

  /** The last message, if it is an answer. */
  get answer(): Message | null {
    const last = this.#messages.at(-1);
    return last?.role === "assistant" ? last : null;
  }

  /** Notes the questions, answers and attached texts. @returns what takes the conversation back to them. */
  mark(): () => void {
    const [messages, attachments] = [[...this.#messages], [...this.#attachments]];
    return () => {
      this.#messages = messages;
      this.#attachments = attachments;
    };
  }

  /** Adds a text before the next question. */
  attach(text: string): void {
    this.#attachments.push(text);
  }

  /** Adds a question with the attached texts. */
  ask(question: string): void {
    const content = [...this.#attachments.splice(0), question].join("\n\n");
    this.#messages.push({ role: "user", content });
  }

  /** Adds the answer to the last question, or replaces it. */
  reply(content: string, reasoning: string): void {
    if (this.answer !== null) this.#messages.pop();
    const thoughts = reasoning === "" ? {} : { reasoning };
    this.#messages.push({ role: "assistant", content, ...thoughts });
  }

  /** Removes the last answer. False: there is none. */
  dropAnswer(): boolean {
    if (this.answer === null) return false;
    this.#messages.pop();
    return true;
  }

  /** Removes the last question with its answer, and returns the question; null: there is none. */
  undo(): string | null {
    const at = this.#messages.findLastIndex(({ role }) => role === "user");
    if (at === -1) return null;
    const [question] = this.#messages.splice(at);
    return question!.content;
  }

  /** Removes all questions and answers, and keeps the system message. */
  clear(): void {
    this.#messages = [];
    this.#attachments.length = 0;
  }

  /** Removes the oldest question with its answer. False: there is only one. */
  dropOldest(): boolean {
    const first = this.#messages.findIndex(({ role }) => role === "user");
    const next = this.#messages.findIndex(({ role }, at) => role === "user" && at > first);
    if (next === -1) return false;
    this.#messages.splice(first, next - first);
    return true;
  }

  /** Takes the messages of a saved conversation. */
  restore(messages: readonly Message[]): void {
    this.clear();
    this.#system = messages[0]?.role === "system" ? messages[0].content : null;
    this.#messages = messages.filter(({ role }) => role !== "system");
  }
}
