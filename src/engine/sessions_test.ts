import { assertEquals } from "@std/assert";
import { join } from "@std/path";
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
