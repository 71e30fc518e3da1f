import { useEffect, useErrorBoundary, useRef } from "preact/hooks";
import { useSignal } from "@preact/signals";
import { Announcer, Icon, ShortcutList, useShortcuts } from "../ui/mod.ts";
import { KeyDialog } from "./key_dialog.tsx";
import type { Page } from "./page.ts";
import { hrefOf } from "./hash.ts";
import { route } from "./router.ts";
import { SchemeButton } from "./scheme.tsx";

/** The frame with the navigation and the page of the current route. */
export function App({ pages }: { readonly pages: readonly Page[] }) {
  const page = pages.find(({ id }) => id === route.value.page) ?? pages[0]!;
  const isListed = useSignal(false);
  const main = useRef<HTMLElement>(null);
  useEffect(() => void (document.title = `${page.title} · Shimmy`), [page]);
  const shortcuts = [
    { keys: "?", does: "List the keyboard shortcuts", run: () => isListed.value = true },
    ...page.shortcuts ?? [],
  ];
  useShortcuts(shortcuts);
  return (
    <div class="app">
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          main.current?.focus();
        }}
      >
        Skip to the content
      </a>
      <header class="bar">
        <strong class="brand">Shimmy</strong>
        <nav aria-label="Pages">
          {pages.map(({ id, title }) => (
            <a key={id} href={hrefOf(id)} aria-current={id === page.id ? "page" : undefined}>
              {title}
            </a>
          ))}
        </nav>
        <span class="space" />
        <button
          type="button"
          class="icon"
          aria-label="Keyboard shortcuts"
          title="Keyboard shortcuts (?)"
          onClick={() => isListed.value = true}
        >
          <Icon name="keyboard" />
        </button>
        <SchemeButton />
      </header>
      <main id="main" ref={main} tabIndex={-1} class={`page page-${page.id}`}>
        <Boundary key={page.id} page={page} />
      </main>
      <KeyDialog />
      <ShortcutList isOpen={isListed} shortcuts={shortcuts} />
      <Announcer />
    </div>
  );
}

/** The page, or the error that it threw while it was rendered. */
function Boundary({ page: { View } }: { readonly page: Page }) {
  const [error, retry] = useErrorBoundary();
  if (error === undefined || error === null) return <View />;
  return (
    <div class="failure" role="alert">
      <p>This page failed: {error instanceof Error ? error.message : String(error)}</p>
      <button type="button" onClick={retry}>Try again</button>
    </div>
  );
}
