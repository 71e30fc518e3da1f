import { type ContentPart, contentParts, joinContent, type Message } from "../../../chat/mod.ts";
import type { MediaInput } from "../../../engine/protocol/mod.ts";

/** A conversation as a file keeps it. */
export interface SavedConversation {
  readonly model: string;
  readonly messages: readonly Message[];
}

/** The messages of a chat: a system message, then questions with their answers. */
export class Conversation {
  #system: string | null;
  #messages: Message[] = [];
  /** Texts, images and sounds that go before the next question. */
  #attachments: ContentPart[] = [];

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

  /** Notes the questions, answers and attachments. @returns what takes the conversation back to them. */
  mark(): () => void {
    const [messages, attachments] = [[...this.#messages], [...this.#attachments]];
    return () => {
      this.#messages = messages;
      this.#attachments = attachments;
    };
  }

  /** Whether questions or attachments have images, or sounds. */
  hasMedia(type: MediaInput["type"]): boolean {
    const parts = [...this.#messages.flatMap(({ media = [] }) => media), ...this.#attachments];
    return parts.some((part) => typeof part !== "string" && typeOf(part) === type);
  }

  /** Adds a text, an image or a sound before the next question. */
  attach(part: ContentPart): void {
    this.#attachments.push(part);
  }

  /** Adds a question with what is attached. */
  ask(question: string): void {
    const parts = [...this.#attachments.splice(0), question];
    this.#messages.push({ role: "user", ...joinContent(parts, "\n\n") });
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

  /** The parts of the last question; null: there is none. */
  get question(): readonly ContentPart[] | null {
    const last = this.#messages.findLast(({ role }) => role === "user");
    return last === undefined ? null : contentParts(last);
  }

  /** Removes the last question with its answer, and returns its parts; null: there is none. */
  undo(): readonly ContentPart[] | null {
    const at = this.#messages.findLastIndex(({ role }) => role === "user");
    if (at === -1) return null;
    const [question] = this.#messages.splice(at);
    return contentParts(question!);
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

/** Only images can be at URLs. */
function typeOf({ type }: Exclude<ContentPart, string>): MediaInput["type"] {
  return type === "remote" ? "image" : type;
}
