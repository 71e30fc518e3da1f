/** The configuration of nginx, as nginx reads it. */
import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { has, run, testWith } from "../packaging/tools.ts";

const CONFIG = fromFileUrl(new URL("../../packaging/proxies/nginx.conf", import.meta.url));

const nginx = { name: "nginx", here: await has("nginx", "-v") };

testWith("nginx accepts its configuration and finds a mistake", nginx, async () => {
  const folder = await Deno.makeTempDir();
  try {
    const check = async (path: string) =>
      await run(["nginx", "-t", "-c", path, "-p", folder, "-g", `pid ${folder}/pid;`]);
    const { code, stderr } = await check(CONFIG);
    assertEquals(code, 0, stderr);
    const broken = `${folder}/broken.conf`;
    const text = await Deno.readTextFile(CONFIG);
    await Deno.writeTextFile(broken, text.replace("consistent;", "constant;"));
    assertEquals((await check(broken)).code, 1);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
