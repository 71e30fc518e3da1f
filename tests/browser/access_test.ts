import { assertEquals } from "@std/assert";
import { answers, say, setSampling, textOf, untilAnswer } from "./chat.ts";
import { TINY_NAME, uiTest, until } from "./ui.ts";

uiTest("a wrong key is refused, the right one is kept until the tab is closed", async (start) => {
  await using ui = await start({ args: ["--api-key", "right-key"] });
  const { page } = ui;
  await ui.open("#/models");
  const key = page.getByLabel("Key", { exact: true });
  await key.fill("wrong-key");
  await key.press("Enter");
  await page.getByText("The server does not accept this key.").waitFor();
  await key.fill("right-key");
  await key.press("Enter");
  await page.locator(`.card[data-model="${TINY_NAME}"]`).waitFor();
  await page.reload();
  await page.locator(`.card[data-model="${TINY_NAME}"]`).waitFor();
  const stored = await page.evaluate<string>("JSON.stringify({ ...localStorage })");
  assertEquals(stored.includes("right-key"), false);
});

/** A proxy that serves a server below a path. */
function proxying(prefix: string) {
  let target = "";
  const proxy = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const { pathname, search } = new URL(request.url);
    if (!pathname.startsWith(prefix)) return new Response("not below the prefix", { status: 418 });
    const { method, headers, body, signal } = request;
    const address = `http://${target}${pathname.slice(prefix.length) || "/"}${search}`;
    return fetch(address, { method, headers, body, signal, redirect: "manual" });
  });
  return {
    address: `127.0.0.1:${proxy.addr.port}`,
    serve: (address: string) => target = address,
    [Symbol.asyncDispose]: () => proxy.shutdown(),
  };
}

uiTest(
  "the page works below a path of a proxy, also after a reload in mid-stream",
  async (start) => {
    await using proxy = proxying("/deep/models");
    await using ui = await start({ args: ["--cors-origin", `http://${proxy.address}`] });
    proxy.serve(ui.server.address);
    ui.proxy = proxy.address;
    const { page } = ui;
    const statuses: number[] = [];
    page.on("response", (response) => void statuses.push(response.status()));
    for (const path of ["/", "/ui"]) {
      await page.goto(`http://${proxy.address}/deep/models${path}#/chat`);
      await page.locator("#model option", { hasText: TINY_NAME }).last().waitFor({
        state: "attached",
      });
      await page.getByRole("button", { name: "New chat" }).click();
      await page.locator("#model").selectOption(TINY_NAME);
      await setSampling(page, "temperature", 0);
      await say(page, "What is the capital of France?");
      const isBegun = async () =>
        await answers(page).count() === 1 && await textOf(answers(page)) !== "";
      await until(isBegun);
      await page.reload();
      await untilAnswer(page, (text) => text === "The capital of France is Paris.");
      for (const id of ["models", "machine", "api"]) {
        await page.goto(`http://${proxy.address}/deep/models${path}#/${id}`);
        await page.locator(`main.page-${id}`).waitFor();
      }
      await page.getByRole("link", { name: "POST /v1/completions" }).waitFor();
    }
    assertEquals(statuses.filter((status) => status === 418), []);
  },
);

uiTest("--no-ui removes the page", async (start) => {
  await using ui = await start({ args: ["--no-ui"] });
  const html = { headers: { accept: "text/html" } };
  const page = await fetch(ui.server.url("/ui"), html);
  assertEquals([page.status, (await page.text()).includes("<html")], [404, false]);
  const greeting = await fetch(ui.server.url("/"), html);
  assertEquals([greeting.status, (await greeting.text()).includes("<html")], [200, false]);
});
