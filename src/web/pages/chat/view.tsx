import { useEffect } from "preact/hooks";
import { useSignalEffect } from "@preact/signals";
import { navigate, route } from "../../shell/mod.ts";
import { Composer } from "./parts/composer/composer.tsx";
import { Messages } from "./parts/messages.tsx";
import { Sidebar } from "./parts/sidebar.tsx";
import { SteeringPanel } from "./parts/panel/steering_panel.tsx";
import { TalkHeader } from "./parts/talk_header.tsx";
import {
  current,
  loadModels,
  openConversation,
  resumeRunning,
  runningConversation,
  startHistory,
  startReleasing,
  view,
} from "./state/mod.ts";

/** The content of the page. */
export function View() {
  useEffect(() => void start(), []);
  useSignalEffect(() => {
    const { id, messages } = current.value.value;
    if (messages.size > 0) navigate("chat", id, { replace: route.peek().rest === "" });
  });
  useEffect(() => {
    const { rest } = route.value;
    if (rest !== "" && rest !== current.peek().peek().id) void openConversation(rest);
  }, [route.value.rest]);
  return (
    <div
      class={`chat${view.list.value ? " with-list" : ""}${view.panel.value ? " with-panel" : ""}`}
    >
      <h1 class="hidden">Chat</h1>
      {view.list.value && <Sidebar />}
      <section class="talk" aria-label="Conversation">
        <TalkHeader />
        <Messages key={current.value.value.id} />
        <Composer key={`composer ${current.value.value.id}`} />
      </section>
      {view.panel.value && <SteeringPanel />}
    </div>
  );
}

let isStarted = false;

/** Opens the history, shows the conversation of the address, and takes up what ran. */
async function start(): Promise<void> {
  if (isStarted) return;
  isStarted = true;
  startReleasing();
  void loadModels();
  await startHistory();
  const { rest } = route.peek();
  // Without an address of a conversation, an answer that still runs is what the user left.
  const wanted = rest === "" ? runningConversation() : rest;
  if (wanted !== null && !await openConversation(wanted)) navigate("chat", "", { replace: true });
  await resumeRunning();
}
