import { assertEquals } from "@std/assert";
import { publicLine } from "./public_line.ts";

Deno.test("lines about models, rates and the server's own address are shown", () => {
  for (
    const line of [
      "Shimmy 0.1.0 listens on http://127.0.0.1:11435",
      "Ollama's API is on http://[::1]:11434",
      "3 models; default: shimmy-tiny",
      "12/13 layers on CUDA0, 41.5 t/s, 1.2 GiB/s",
      "tiny was idle for 5 minutes and is unloaded",
    ]
  ) assertEquals(publicLine(line), line);
});

Deno.test("lines with paths, and addresses of files and with passwords, are withheld", () => {
  for (
    const line of [
      "Skipped /home/jane doe/models/a.gguf: not a GGUF file",
      "libllama: ~/.cache/shimmy (cache)",
      "Skipped C:\\models\\a.gguf: truncated",
      "Skipped models/a.gguf: truncated",
      "Downloading https://host.example/m.gguf?token=secret",
      "Downloading https://user:secret@host.example",
      "Using configuration file /etc/shimmy.json",
    ]
  ) assertEquals(publicLine(line), null, line);
});
