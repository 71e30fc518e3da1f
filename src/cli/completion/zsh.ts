import type { CompletedCommand, CompletedOption, ValueKind } from "./description.ts";

/** The completion script of zsh: a file named `_shimmy` in a folder of `$fpath`. */
export function zshCompletion(commands: readonly CompletedCommand[]): string {
  return `#compdef shimmy
# Completion of shimmy for zsh. Write it to a folder of $fpath: shimmy completion zsh > _shimmy
_shimmy_models() {
  local -a models
  models=(\${(f)"$(shimmy list --short 2>/dev/null)"})
  compadd -a models
}

_shimmy() {
  local -a commands
  commands=(
${commands.map(({ name, summary }) => `    ${quoted(`${name}:${summary}`)}`).join("\n")}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
${commands.map(commandCase).join("\n")}
    help) _describe command commands ;;
  esac
}

if [ "$funcstack[1]" = _shimmy ]; then _shimmy "$@"; else compdef _shimmy shimmy; fi
`;
}

function commandCase({ name, operands, options }: CompletedCommand): string {
  const specs = [
    ...options.flatMap(optionSpecs),
    ...operands.map((kind, at) => `${at + 1}:${action(kind)}`),
  ];
  const lines = specs.map((spec) => `        ${quoted(spec)}`);
  return `    ${name})\n      _arguments -s \\\n${lines.join(" \\\n")}\n      ;;`;
}

function optionSpecs({ name, short, help, value }: CompletedOption): string[] {
  // Brackets and colons end the parts of a specification.
  const text = help.replace(/[\\[\]:]/g, "\\$&");
  const forms = [`--${name}`, ...(short === null ? [] : [`-${short}`])];
  return forms.map((form) => {
    if (value === null) return `*${form}[${text}]`;
    return `*${form}${form.startsWith("--") ? "=" : "+"}[${text}]:${action(value)}`;
  });
}

/** The message and the action that completes a kind of value. */
function action(kind: ValueKind): string {
  switch (kind) {
    case "file":
      return "file:_files";
    case "directory":
      return "directory:_files -/";
    case "model":
      return "model:_shimmy_models";
    case "text":
      return "value: ";
    default:
      return `value:(${kind.join(" ")})`;
  }
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
