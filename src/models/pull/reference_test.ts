import { assertEquals, assertThrows } from "@std/assert";
import { ShimmyError } from "../../errors.ts";
import { isReference, parseReference, referenceText } from "./reference.ts";

Deno.test("each reference has one canonical spelling", () => {
  const spellings = {
    "hf:Owner/Repo-GGUF": "hf:Owner/Repo-GGUF",
    "HF:owner/repo:q4_k_m": "hf:owner/repo:q4_k_m",
    "hf:owner/repo/sub/Model.gguf": "hf:owner/repo/sub/Model.gguf",
    "hf:owner/repo:latest": "hf:owner/repo",
    "hf:owner/repo:Model.Q8_0.gguf": "hf:owner/repo/Model.Q8_0.gguf",
    "hf:owner/repo@v1.0": "hf:owner/repo@v1.0",
    "hf:owner/repo@main:Q8_0": "hf:owner/repo:Q8_0",
    "hf:owner/repo@v1.0:Q8_0": "hf:owner/repo@v1.0:Q8_0",
    "hf:owner/repo@v1.0/sub/m.gguf": "hf:owner/repo@v1.0/sub/m.gguf",
    "hf:owner/repo@refs/pr/12/m.gguf": "hf:owner/repo@refs/pr/12/m.gguf",
    "hf:owner/repo@refs/pr/12:Q8_0": "hf:owner/repo@refs/pr/12:Q8_0",
    "hf:owner/repo@feature%2Fnew/m.gguf": "hf:owner/repo@feature%2Fnew/m.gguf",
    "ollama:llama3.2": "ollama:llama3.2:latest",
    "ollama:someone/tuned:7b": "ollama:someone/tuned:7b",
    "ollama:hf.co/owner/repo:Q8_0": "ollama:hf.co/owner/repo:Q8_0",
    "ollama:registry.ollama.ai/library/llama3:8b": "ollama:llama3:8b",
    "https://example.org/a/model.gguf?token=secret": "https://example.org/a/model.gguf",
    "http://127.0.0.1:80/model.gguf": "http://127.0.0.1/model.gguf",
    "https://huggingface.co/owner/repo/resolve/main/a%20b.gguf": "hf:owner/repo/a b.gguf",
    "https://hf.co/owner/repo/blob/main/x/m.gguf": "hf:owner/repo/x/m.gguf",
    "https://huggingface.co/owner/repo/resolve/v2/m.gguf": "hf:owner/repo@v2/m.gguf",
    "https://huggingface.co/owner/repo/blob/refs%2Fpr%2F3/m.gguf": "hf:owner/repo@refs/pr/3/m.gguf",
  };
  for (const [text, spelling] of Object.entries(spellings)) {
    assertEquals(isReference(text), true);
    assertEquals(referenceText(parseReference(text)), spelling);
  }
});

Deno.test("names and paths are not references", () => {
  for (const text of ["llama3:8b", "C:/models/m.gguf", "./hf/m.gguf", "hf", "https"]) {
    assertEquals(isReference(text), false);
  }
});

Deno.test("unsafe and malformed references are refused with the allowed form", () => {
  const refusals = {
    "hf:owner": "expected owner/repo after 'hf:'",
    "hf:../repo": "expected owner/repo after 'hf:'",
    "hf:owner/repo@": "expected a branch, tag or commit after '@'",
    "hf:owner/repo@..%2f..%2fx": "expected a branch, tag or commit after '@'",
    "hf:owner/repo@%zz:Q8_0": "expected a branch, tag or commit after '@'",
    "hf:owner/repo@-x": "expected a branch, tag or commit after '@'",
    "hf:owner/repo@feature/new": "expected the path of a .gguf file",
    "hf:owner/repo:": "expected a quantization",
    "hf:owner/repo/../../m.gguf": "expected the path of a .gguf file",
    "hf:owner/repo/.hidden.gguf": "expected the path of a .gguf file",
    "hf:owner/repo/model.safetensors": "expected the path of a .gguf file",
    "ollama:": "after 'ollama:'",
    "ollama:a/b/c/d": "after 'ollama:'",
    "ollama:../x": "after 'ollama:'",
    "ollama:x:y:z": "after 'ollama:'",
    "https://example.org/": "a URL must end in a .gguf file name",
    "https://example.org/..%2f..%2fx.gguf": "a URL must end in a .gguf file name",
    "https://example.org/con%3Ax.gguf": "a URL must end in a .gguf file name",
    "https://example.org/%zz.gguf":
      "a % in a URL must be followed by two hexadecimal digits of UTF-8",
    "https://hf.co/o/r/resolve/main/%ff.gguf":
      "a % in a URL must be followed by two hexadecimal digits",
    "http://example.org/m.gguf": "a URL must begin with https:",
    "https://me:word@example.org/m.gguf": "a URL must not contain a password",
    "ftp:x": "it must be hf:owner/repo",
  };
  for (const [text, reason] of Object.entries(refusals)) {
    assertThrows(() => parseReference(text), ShimmyError, reason);
  }
});
