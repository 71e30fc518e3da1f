import { assertEquals, assertGreater, assertRejects } from "@std/assert";
import { join } from "@std/path";
import {
  ask,
  collect,
  PIRATE_LORA,
  question,
  TINY_F16,
  tinyEngine,
} from "../../tests/support/engine.ts";
import { ShimmyError } from "../errors.ts";
import type { LoadOptions } from "./protocol.ts";
import { SessionStore } from "./sessions.ts";

const SESSION = { tokens: [1, -1, 70_000], state: new Uint8Array([0, 255, 7]) };

async function inFolder(use: (folder: string) => void | Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await use(join(folder, "sessions"));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a session comes back as it was saved, also to another store", async () => {
  await inFolder((folder) => {
    new SessionStore(folder, "a").save("talk", SESSION);
    assertEquals(new SessionStore(folder, "a").load("talk"), SESSION);
    assertEquals(new SessionStore(folder, "a").load("other"), null);
  });
});

Deno.test("a session of another fingerprint is not used", async () => {
  await inFolder((folder) => {
    new SessionStore(folder, "model one").save("talk", SESSION);
    assertEquals(new SessionStore(folder, "model two").load("talk"), null);
  });
});

Deno.test("a file that is cut off anywhere is no session, and no crash", async () => {
  await inFolder(async (folder) => {
    const store = new SessionStore(folder, "a");
    store.save("talk", SESSION);
    const [{ name }] = [...Deno.readDirSync(folder)] as [Deno.DirEntry];
    const path = join(folder, name);
    const whole = await Deno.readFile(path);
    for (let length = 0; length < whole.length - SESSION.state.length; length++) {
      await Deno.writeFile(path, whole.slice(0, length));
      assertEquals(store.load("talk"), null);
    }
  });
});

Deno.test("saving again replaces, and leaves nothing else behind", async () => {
  await inFolder((folder) => {
    const store = new SessionStore(folder, "a");
    store.save("talk", SESSION);
    store.save("talk", { ...SESSION, tokens: [5] });
    assertEquals(store.load("talk")?.tokens, [5]);
    assertEquals([...Deno.readDirSync(folder)].length, 1);
  });
});

Deno.test("a name may be any text without leaving the folder", async () => {
  await inFolder((folder) => {
    const store = new SessionStore(folder, "a");
    for (const name of ["../../x", "a/b", "ü\n", ""]) {
      store.save(name, SESSION);
      assertEquals(store.load(name), SESSION);
    }
    assertEquals([...Deno.readDirSync(folder)].length, 4);
  });
});

Deno.test("a conversation goes on after a restart without computing it again", async () => {
  await inFolder(async (sessionFolder) => {
    const first = question("My name is Tom.");
    let said: string;
    {
      await using engine = await tinyEngine({ sessionFolder });
      const answer = await collect(engine.generate(ask(first, { session: "tom" })));
      assertEquals(answer.done.usage.cachedTokens, 0);
      said = answer.text;
    }
    const second = `${first}${said}<|im_end|>\n${question("What is my name?")}`;
    const fresh = async (changes: Partial<LoadOptions>, session: string) => {
      await using engine = await tinyEngine({ sessionFolder, ...changes });
      const { text, done } = await collect(engine.generate(ask(second, { session })));
      return { text, cached: done.usage.cachedTokens };
    };
    const resumed = await fresh({}, "tom");
    assertGreater(resumed.cached, 15);
    const computed = await fresh({}, "nobody");
    assertEquals(computed, { text: resumed.text, cached: 0 });
    // Another cache type, adapter or model cannot read the state: it is computed again.
    assertEquals((await fresh({ kvType: "q8_0" }, "tom")).cached, 0);
    assertEquals((await fresh({ loras: [{ path: PIRATE_LORA, scale: 1 }] }, "tom")).cached, 0);
    assertEquals((await fresh({ modelPaths: [TINY_F16] }, "tom")).cached, 0);
  });
});

Deno.test("a session is refused by name where none are kept", async () => {
  await using engine = await tinyEngine();
  const error = await assertRejects(
    () => collect(engine.generate(ask("x", { session: "tom" }))),
    ShimmyError,
  );
  assertEquals([error.kind, error.field], ["invalid", "session"]);
});
