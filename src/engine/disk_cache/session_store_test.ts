import {
  assertEquals,
  assertGreater,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { join } from "node:path";
import {
  ask,
  collect,
  PIRATE_LORA,
  question,
  TINY_F16,
  tinyEngine,
} from "../../../tests/support/engine.ts";
import { ShimmyError } from "../../errors.ts";
import { decodeState } from "./state_file.ts";
import { CannotSave, writeStateSync } from "./write_state.ts";
import type { LoadOptions, Notice } from "../protocol/mod.ts";
import { SessionStore } from "./session_store.ts";

const SESSION = {
  tokens: [1, 0, 70_000],
  state: new Uint8Array([0, 255, 7]),
  checkpoints: [{ position: 2, state: new Uint8Array([3]) }],
};

async function inFolder(use: (folder: string) => void | Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await use(join(folder, "sessions"));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a session is restored as it was saved, also by another store", async () => {
  await inFolder((folder) => {
    new SessionStore(folder, "a").save("talk", SESSION);
    const store = new SessionStore(folder, "a");
    assertEquals(store.find("talk"), { status: "found", session: SESSION });
    assertEquals(store.find("other"), { status: "missing" });
  });
});

Deno.test("a session of another fingerprint is not used", async () => {
  await inFolder((folder) => {
    new SessionStore(folder, "model one").save("talk", SESSION);
    assertEquals(new SessionStore(folder, "model two").find("talk"), { status: "incompatible" });
    assertEquals(new SessionStore(folder, "model one").find("talk", "lora"), {
      status: "incompatible",
    });
    assertEquals(new SessionStore(folder, "model two").find("tal"), { status: "missing" });
  });
});

Deno.test({
  name: "a pipe in place of a session file is unreadable and blocks nothing",
  ignore: Deno.build.os === "windows",
  fn: () =>
    inFolder(async (folder) => {
      const store = new SessionStore(folder, "a");
      store.save("talk", SESSION);
      const [{ name }] = [...Deno.readDirSync(folder)] as [Deno.DirEntry];
      await Deno.remove(join(folder, name));
      await new Deno.Command("mkfifo", { args: [join(folder, name)] }).output();
      assertEquals(store.find("talk"), { status: "unreadable", reason: "not a regular file" });
    }),
});

Deno.test("a truncated session file is unreadable and does not crash", async () => {
  await inFolder(async (folder) => {
    const store = new SessionStore(folder, "a");
    store.save("talk", SESSION);
    const [{ name }] = [...Deno.readDirSync(folder)] as [Deno.DirEntry];
    const path = join(folder, name);
    const whole = await Deno.readFile(path);
    for (let length = 0; length < whole.length; length++) {
      await Deno.writeFile(path, whole.slice(0, length));
      assertEquals(store.find("talk").status, "unreadable");
    }
  });
});

Deno.test("a session file with a flipped bit is unreadable", async () => {
  await inFolder(async (folder) => {
    const store = new SessionStore(folder, "a");
    store.save("talk", SESSION);
    const [{ name }] = [...Deno.readDirSync(folder)] as [Deno.DirEntry];
    const path = join(folder, name);
    const whole = await Deno.readFile(path);
    for (let at = 0; at < whole.length; at++) {
      await Deno.writeFile(path, whole.map((byte, index) => index === at ? byte ^ 4 : byte));
      assertEquals(store.find("talk").status, "unreadable", `byte ${at}`);
    }
  });
});

Deno.test("saving again replaces the session and leaves no other files", async () => {
  await inFolder((folder) => {
    const store = new SessionStore(folder, "a");
    store.save("talk", SESSION);
    const shorter = { ...SESSION, tokens: [5], checkpoints: [] };
    store.save("talk", shorter);
    assertEquals(store.find("talk"), { status: "found", session: shorter });
    assertEquals([...Deno.readDirSync(folder)].length, 1);
  });
});

Deno.test("what a killed process left unfinished is removed after an hour", async () => {
  await inFolder((folder) => {
    const store = new SessionStore(folder, "a");
    store.save("talk", SESSION);
    const [{ name }] = [...Deno.readDirSync(folder)] as [Deno.DirEntry];
    const unfinished = (age: number) => {
      const path = join(folder, `${name}.${crypto.randomUUID()}.tmp`);
      Deno.writeTextFileSync(path, "half");
      const time = (Date.now() - age) / 1000;
      Deno.utimeSync(path, time, time);
      return path;
    };
    const [_old, young] = [unfinished(3_700_000), unfinished(60_000)];
    store.save("talk", SESSION);
    const left = [...Deno.readDirSync(folder)].map((file) => join(folder, file.name));
    assertEquals(left.sort(), [join(folder, name), young].sort());
  });
});

Deno.test("sessions beyond the bound are deleted, the least recently used first", async () => {
  await inFolder((folder) => {
    const large = (bytes: number) => ({ ...SESSION, state: new Uint8Array(bytes) });
    const store = new SessionStore(folder, "a", 5000);
    store.save("old", large(500));
    store.save("large", large(3500));
    for (const [name, hours] of [["old", 2], ["large", 1]] as const) {
      assertEquals(store.find(name).status, "found");
      const file = [...Deno.readDirSync(folder)].map((one) => join(folder, one.name))
        .find((path) => (Deno.statSync(path).size > 2000) === (name === "large"))!;
      const time = new Date(Date.now() - hours * 3_600_000);
      Deno.utimeSync(file, time, time);
    }
    // The large one has no room beside it; the older one has.
    store.save("new", large(2000));
    const status = (name: string) => store.find(name).status;
    assertEquals([status("new"), status("large"), status("old")], ["found", "missing", "found"]);
    const error = assertThrows(() => store.save("huge", large(6000)), CannotSave);
    assertStringIncludes(error.message, "all sessions may have 5000");
    assertEquals([status("new"), status("huge")], ["found", "missing"]);
  });
});

Deno.test("two processes that save at the same time do not fail each other", async () => {
  await inFolder((folder) => {
    const store = new SessionStore(folder, "a");
    const { statSync } = Deno;
    // Another process removes a file between the list of the folder and its size.
    Deno.statSync = () => {
      throw new Deno.errors.NotFound();
    };
    try {
      store.save("talk", SESSION);
    } finally {
      Deno.statSync = statSync;
    }
    assertEquals(store.find("talk"), { status: "found", session: SESSION });
  });
});

Deno.test("a session in a read-only folder is restored", async () => {
  await inFolder((folder) => {
    const store = new SessionStore(folder, "a");
    store.save("talk", SESSION);
    const { utimeSync } = Deno;
    Deno.utimeSync = () => {
      throw new Deno.errors.PermissionDenied("Read-only file system");
    };
    try {
      assertEquals(store.find("talk"), { status: "found", session: SESSION });
    } finally {
      Deno.utimeSync = utimeSync;
    }
  });
});

Deno.test("a session has a version, which is read without its state", async () => {
  await inFolder((folder) => {
    const store = new SessionStore(folder, "a");
    assertEquals(store.version("talk"), 0);
    store.save("talk", SESSION);
    assertEquals(store.version("talk"), 1);
    const saved = { ...SESSION, savedAt: 1_700_000_000_000 };
    store.save("talk", saved);
    assertEquals(store.find("talk"), { status: "found", session: saved });
    assertEquals(store.version("talk"), saved.savedAt);
    assertEquals([store.version("talk", "lora"), store.version("tal")], [0, 0]);
    for (const { name } of Deno.readDirSync(folder)) {
      Deno.writeTextFileSync(join(folder, name), "SHIMMY");
    }
    assertEquals(store.version("talk"), 0);
  });
});

Deno.test("a session is deleted for every fingerprint, and others stay", async () => {
  await inFolder((folder) => {
    const store = new SessionStore(folder, "a");
    assertEquals(store.delete("talk"), 0);
    store.save("talk", SESSION);
    new SessionStore(folder, "b").save("talk", SESSION, "lora");
    store.save("tall", SESSION);
    assertEquals(store.delete("talk"), 2);
    assertEquals(store.find("talk"), { status: "missing" });
    assertEquals(store.find("tall").status, "found");
  });
});

Deno.test("any session name stays within the folder", async () => {
  await inFolder((folder) => {
    const store = new SessionStore(folder, "a");
    for (const name of ["../../x", "a/b", "ü\n", ""]) {
      store.save(name, SESSION);
      assertEquals(store.find(name), { status: "found", session: SESSION });
    }
    assertEquals([...Deno.readDirSync(folder)].length, 4);
  });
});

Deno.test("a conversation continues after a restart without prefill", async () => {
  await inFolder(async (sessionFolder) => {
    const first = question("My name is Tom.");
    let said: string;
    {
      await using engine = await tinyEngine({ sessionFolder });
      const answer = await collect(engine.generate(ask(first, { session: "tom" })));
      assertEquals([answer.done.usage.cachedTokens, answer.done.notices], [0, undefined]);
      said = answer.text;
    }
    const second = `${first}${said}<|im_end|>\n${question("What is my name?")}`;
    const fresh = async (changes: Partial<LoadOptions>, session: string) => {
      await using engine = await tinyEngine({ sessionFolder, ...changes });
      const { text, done } = await collect(engine.generate(ask(second, { session })));
      return { text, cached: done.usage.cachedTokens, notices: done.notices };
    };
    const resumed = await fresh({}, "tom");
    assertGreater(resumed.cached, 15);
    assertEquals(resumed.notices, undefined);
    const computed = await fresh({}, "nobody");
    assertEquals(computed, { text: resumed.text, cached: 0, notices: undefined });
    // Another cache type, adapter or model cannot restore the state.
    for (
      const changes of [
        { kvType: "q8_0" },
        { loras: [{ path: PIRATE_LORA, scale: 1 }] },
        { modelPaths: [TINY_F16] },
      ] as const
    ) {
      const { cached, notices } = await fresh(changes, "tom");
      assertEquals(cached, 0);
      assertEquals(notices, [{
        message:
          "session: not reused, because it was saved with another model, adapter, cache type or " +
          "library; the prompt was recomputed",
      }]);
      // Now it is kept for this one too.
      assertEquals((await fresh(changes, "tom")).notices, undefined);
    }
  });
});

/** The notices of a second request with the session of a first one. */
async function noticesOfSecond(
  first: string,
  second: string,
  between: (folder: string) => void = () => {},
): Promise<readonly Notice[] | undefined> {
  let notices: readonly Notice[] | undefined;
  await inFolder(async (sessionFolder) => {
    for (const prompt of [first, second]) {
      await using engine = await tinyEngine({ sessionFolder });
      ({ notices } = (await collect(engine.generate(ask(prompt, { session: "s" })))).done);
      if (prompt === first) between(sessionFolder);
    }
  });
  return notices;
}

const LONG = question("My name is Tom. ".repeat(5));

Deno.test("a prompt that does not continue the session adds a notice", async () => {
  const notices = await noticesOfSecond(LONG, `x${LONG}`);
  assertEquals(notices, [{
    message:
      "session: not reused, because the prompt does not continue the saved tokens; the prompt was recomputed",
  }]);
  assertEquals(await noticesOfSecond(LONG, LONG), undefined);
});

Deno.test("a damaged session file adds a notice and is replaced", async () => {
  const notices = await noticesOfSecond(LONG, LONG, (folder) => {
    for (const { name } of Deno.readDirSync(folder)) {
      Deno.writeTextFileSync(join(folder, name), "SHIMMY");
    }
  });
  const [notice] = notices!;
  assertEquals(
    notice!.message,
    "session: not reused, because its file cannot be read; the prompt was recomputed",
  );
  assertGreater(notice!.detail!.length, 0);
});

Deno.test("a state that libllama refuses adds a notice, and the prompt is computed", async () => {
  // With such a short cut, libllama allocates the cells before it finds that values are missing.
  for (const missing of [10, 5000]) {
    const notices = await noticesOfSecond(LONG, LONG, (folder) => {
      for (const { name } of Deno.readDirSync(folder)) {
        const path = join(folder, name);
        const bytes = Deno.readFileSync(path);
        const headLength = new DataView(bytes.buffer).getUint32(8, true);
        const head = JSON.parse(new TextDecoder().decode(bytes.subarray(16, 16 + headLength)));
        const session = decodeState(bytes, head)!;
        writeStateSync(path, { ...session, state: session.state.slice(0, -missing) }, head);
      }
    });
    assertEquals(notices, [{
      message:
        "session: not reused, because its state could not be restored; the prompt was recomputed",
    }], `${missing} bytes less`);
  }
});

Deno.test("a session that cannot be saved adds a notice without paths", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const file = join(folder, "file");
    await Deno.writeTextFile(file, "");
    // A folder cannot be created where a file exists.
    const sessionFolder = join(file, "sessions");
    await using engine = await tinyEngine({ sessionFolder });
    const { text, done } = await collect(engine.generate(ask(question("Hello"), { session: "s" })));
    assertEquals(text, "Hello! How can I help you today?");
    const [notice] = done.notices!;
    assertEquals(
      notice!.message,
      "session: not saved, because the server cannot write its file",
    );
    assertStringIncludes(notice!.detail!, folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a session with a shifted context is not saved and adds a notice", async () => {
  await inFolder(async (sessionFolder) => {
    const shifting = { contextShift: true, contextLength: 64, parallel: 1 };
    await using engine = await tinyEngine({ sessionFolder, ...shifting });
    const { done } = await collect(engine.generate(
      ask(question("Hello"), { session: "s", maxTokens: 100, ignoreEos: true }),
    ));
    assertEquals(done.notices, [{
      message: "session: not saved, because its context was shifted",
    }]);
  });
});

Deno.test("a request that is refused leaves nothing of its session in memory", async () => {
  await inFolder(async (sessionFolder) => {
    const prompt = question("Tell me a story about a fox. ".repeat(20));
    {
      await using engine = await tinyEngine({ sessionFolder });
      await collect(engine.generate(ask(prompt, { session: "talk" })));
    }
    await using engine = await tinyEngine({ sessionFolder });
    const refused = { session: "talk", grammar: { source: "root ::= (" } };
    await assertRejects(() => collect(engine.generate(ask(prompt, refused))), ShimmyError);
    assertEquals((await engine.status()).savedBytes, 0);
    const { done } = await collect(engine.generate(ask(prompt, { session: "talk" })));
    assertGreater(done.usage.cachedTokens, 0);
  });
});

Deno.test("a session is refused without a session folder", async () => {
  await using engine = await tinyEngine();
  const error = await assertRejects(
    () => collect(engine.generate(ask("x", { session: "tom" }))),
    ShimmyError,
  );
  assertEquals([error.kind, error.field], ["invalid", "session"]);
});
