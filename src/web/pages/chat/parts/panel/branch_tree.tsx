import { childrenOf, type Message, pathOf, titleFrom } from "../../../../conversation/mod.ts";
import { current, liveAnswers, showBranch } from "../../state/mod.ts";

/** The tree of all messages: messages with one follower in a row, branches indented. */
export function BranchTree() {
  const conversation = current.value.value;
  const path = new Set(pathOf(conversation).map(({ id }) => id));
  if (conversation.messages.size === 0) return <p class="faint">There are no messages yet.</p>;
  return <Row messages={childrenOf(conversation, null)} path={path} />;
}

function Row({ messages, path }: {
  readonly messages: readonly Message[];
  readonly path: ReadonlySet<string>;
}) {
  const conversation = current.value.value;
  return (
    <ul class="tree">
      {messages.map((first) => {
        const run = [first];
        let children = childrenOf(conversation, first.id);
        while (children.length === 1) {
          run.push(children[0]!);
          children = childrenOf(conversation, children[0]!.id);
        }
        return (
          <li key={first.id}>
            {run.map((message) => (
              <Node key={message.id} message={message} isChosen={path.has(message.id)} />
            ))}
            {children.length > 0 && <Row messages={children} path={path} />}
          </li>
        );
      })}
    </ul>
  );
}

function Node({ message, isChosen }: { readonly message: Message; readonly isChosen: boolean }) {
  const { id, role, content } = message;
  const live = liveAnswers.value.get(id);
  const text = live === undefined ? titleFrom(content) : "…";
  return (
    <button
      type="button"
      class={`node ${role}`}
      aria-current={isChosen ? "true" : undefined}
      onClick={() => {
        showBranch(id);
        requestAnimationFrame(() =>
          document.querySelector(`[data-message="${id}"]`)?.scrollIntoView({ block: "nearest" })
        );
      }}
    >
      {role === "assistant" ? "↳ " : ""}
      {text}
    </button>
  );
}
