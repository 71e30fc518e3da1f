import { type Signal, signal } from "@preact/signals";
import {
  type Conversation,
  createConversation,
  fileNameOf,
  importConversation,
  type Summary,
  summaryOf,
  titleFrom,
  toJson,
  toMarkdown,
} from "../../../conversation/mod.ts";
import {
  type History,
  keepDraftFiles,
  keepDraftText,
  NO_ATTACHMENTS,
  openHistory,
} from "../../../storage/mod.ts";
import { announce } from "../../../ui/mod.ts";
import { writeChanges } from "./write_changes.ts";

/** Conversations that are shown, have running answers or are not in the history, by id. */
const opened = new Map<string, Signal<Conversation>>();

/** The conversations of the history, the one that changed last first. */
export const summaries = signal<readonly Summary[]>([]);

/** The conversation that is shown. */
export const current = signal<Signal<Conversation>>(hold(createConversation()));

/** The history; null where the browser keeps nothing. */
let history: History | null = null;

function hold(conversation: Conversation): Signal<Conversation> {
  const held = signal(conversation);
  opened.set(conversation.id, held);
  return held;
}

/** The history of this browser; null where it keeps nothing. */
export function historyOf(): History | null {
  return history;
}

/** Opens the history and lists its conversations. */
export async function startHistory(): Promise<void> {
  if (history !== null) return;
  try {
    history = await openHistory(() =>
      announce("Close the other tabs with this page: the history waits for them", {
        isError: true,
      })
    );
    // Chats that began while the history waited for other tabs.
    const chats = [...opened.values()].map(({ value }) => value)
      .filter(({ messages }) => messages.size > 0);
    for (const chat of chats) write(chat.id, history.write(chat, chat.messages.values(), []));
    summaries.value = await history.list();
    for (const chat of chats) list(chat);
  } catch {
    announce("This browser keeps no history: chats are lost when the page is closed", {
      isError: true,
    });
  }
}

/** The conversation of an id, read from the history if it is not open; null if there is none. */
export async function conversationOf(id: string): Promise<Signal<Conversation> | null> {
  const held = opened.get(id);
  if (held !== undefined) return held;
  const read = await reading(history?.read(id), null);
  // Another call may have read it meanwhile.
  return opened.get(id) ?? (read ? hold(read) : null);
}

/** The key of the draft: unsent text of new conversations is one draft. */
export function draftTarget({ id, messages }: Conversation): string {
  return messages.size === 0 ? "new" : id;
}

/** Shows a new conversation with the settings of the present one. */
export function newConversation(): void {
  const { model, sampling, system, tools } = current.value.value;
  current.value = hold(createConversation({ model, sampling, system, tools }));
}

/** Shows a conversation of the history. @returns whether there is one of this id. */
export async function openConversation(id: string): Promise<boolean> {
  const found = await conversationOf(id);
  if (found !== null) current.value = found;
  return found !== null;
}

/** Changes an open conversation and writes what is different to the history. */
export function change(id: string, edit: (conversation: Conversation) => Conversation): void {
  const held = opened.get(id);
  if (held === undefined) return;
  const before = held.value;
  const edited = titled(edit(before));
  if (edited === before) return;
  held.value = edited;
  if (isUnlisted(edited)) return;
  list(edited);
  if (history !== null) write(id, writeChanges(history, before, edited));
}

/** Writes of conversations that run, by conversation. One that failed is never removed. */
const unwritten = new Map<string, number>();

/** Counts the writes of conversations that succeeded. */
export const writes = signal(0);

/** The writes of each conversation that were begun, as a promise that does not fail. */
const begun = new Map<string, Promise<unknown>>();

/** Waits for the writes of a conversation that were begun, also those that fail. */
export async function writesEnded(id: string): Promise<void> {
  await begun.get(id);
}

/** Reports a write of a conversation that fails, and counts it otherwise. */
function write(id: string, written: Promise<unknown>): void {
  const all = Promise.allSettled([begun.get(id), written]).then(() => {
    if (begun.get(id) === all) begun.delete(id);
  });
  begun.set(id, all);
  unwritten.set(id, (unwritten.get(id) ?? 0) + 1);
  keep(written.then(() => {
    const left = unwritten.get(id)! - 1;
    if (left === 0) unwritten.delete(id);
    else unwritten.set(id, left);
    writes.value++;
  }));
}

/** The ids of the conversations in memory. */
export function openedIds(): readonly string[] {
  return [...opened.keys()];
}

/** Whether a conversation is new: the history keeps it from its first message on. */
function isUnlisted({ id, messages }: Conversation): boolean {
  return messages.size === 0 && !summaries.peek().some((one) => one.id === id);
}

/** Whether the history has all of an open conversation that it keeps. */
export function isWritten(id: string): boolean {
  const held = opened.get(id);
  if (held !== undefined && isUnlisted(held.peek())) return true;
  return history !== null && !unwritten.has(id);
}

/** Drops a conversation from memory; it is read from the history when it is opened again. */
export function releaseConversation(id: string): void {
  opened.delete(id);
}

/** Puts a conversation into the list. */
function list(conversation: Conversation): void {
  const others = summaries.value.filter(({ id }) => id !== conversation.id);
  summaries.value = [summaryOf(conversation), ...others].sort((a, b) => b.changed - a.changed);
}

/** Reports a failed write to the history, such as a full disk. */
export function keep(written: Promise<unknown>): void {
  written.catch((error) =>
    announce(`The history could not be written: ${error.message}`, { isError: true })
  );
}

/** What is read from the history; `fallback` without one, and where reading fails. */
export async function reading<T>(read: Promise<T> | undefined, fallback: T): Promise<T> {
  try {
    return await read ?? fallback;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    announce(`The history could not be read: ${reason}`, { isError: true });
    return fallback;
  }
}

/** A conversation without a name has the title of its first message. */
function titled(conversation: Conversation): Conversation {
  if (conversation.isNamed) return conversation;
  const [first] = conversation.messages.values();
  const title = titleFrom(
    first?.content || first?.files?.[0]?.name || first?.media?.[0]?.name || "",
  );
  return title === conversation.title ? conversation : { ...conversation, title };
}

/** Names a conversation. */
export async function renameConversation(id: string, title: string): Promise<void> {
  if (await conversationOf(id) === null) return;
  change(id, (conversation) => ({ ...conversation, title, isNamed: true }));
}

/** Removes a conversation; shows a new one if it was shown. */
export function forgetConversation(id: string): void {
  summaries.value = summaries.value.filter((summary) => summary.id !== id);
  if (current.value.value.id === id) newConversation();
  opened.delete(id);
  keepDraftText(id, "");
  keepDraftFiles(id, NO_ATTACHMENTS);
  if (history !== null) keep(history.remove(id));
}

/** Whether a message is in a conversation that was not removed. */
export function hasMessage(conversation: string, message: string): boolean {
  return opened.get(conversation)?.value.messages.has(message) ?? false;
}

/** The ids of conversations whose title or messages contain a text. */
export async function searchConversations(text: string): Promise<ReadonlySet<string>> {
  const wanted = text.toLowerCase();
  const byTitle = summaries.value.filter(({ title }) => title.toLowerCase().includes(wanted));
  const found = await reading(history?.search(text), new Set<string>());
  return new Set([...byTitle.map(({ id }) => id), ...found]);
}

/** Downloads a conversation as a file. */
export async function exportConversation(id: string, format: "md" | "json"): Promise<void> {
  const found = await conversationOf(id);
  if (found === null) return;
  const text = format === "md" ? toMarkdown(found.value) : toJson(found.value);
  const type = format === "md" ? "text/markdown" : "application/json";
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = fileNameOf(found.value, format);
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1_000);
}

/** Adds a conversation of an exported file and shows it. */
export async function importFile(file: File): Promise<void> {
  try {
    const imported = importConversation(await file.text());
    // Before it is shown: a reload must not find a part of it.
    await history?.write(imported, imported.messages.values(), []);
    current.value = hold(imported);
    list(imported);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    announce(`Cannot import ${file.name}: ${reason}`, { isError: true });
  }
}
