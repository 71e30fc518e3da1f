import type { CompletedCommand, ValueKind } from "./description.ts";

/** The completion script of bash; `source <(shimmy completion bash)` loads it. */
export function bashCompletion(commands: readonly CompletedCommand[]): string {
  const names = commands.map(({ name }) => name);
  return `# Completion of shimmy for bash. Load it with: source <(shimmy completion bash)
_shimmy_models() {
  local IFS=$'\\n'
  shimmy list --short 2>/dev/null
}

_shimmy_complete() {
  local kind=$1 current=$2
  case $kind in
    file) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    directory) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$current") ;;
    model) mapfile -t COMPREPLY < <(compgen -W "$(_shimmy_models)" -- "$current") ;;
    words) mapfile -t COMPREPLY < <(compgen -W "$3" -- "$current") ;;
  esac
}

_shimmy() {
  local current=\${COMP_WORDS[COMP_CWORD]} command=\${COMP_WORDS[1]:-} options="" at operands=0
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    mapfile -t COMPREPLY < <(compgen -W "${
    names.join(" ")
  } help --help --help-all --version" -- "$current")
    return
  fi
  # The word before, or the option before an equals sign, which bash makes a word of its own.
  local previous=\${COMP_WORDS[COMP_CWORD-1]}
  if [ "$current" = "=" ]; then current=""
  elif [ "$previous" = "=" ]; then previous=\${COMP_WORDS[COMP_CWORD-2]:-}
  fi
  case "$command $previous" in
${commands.flatMap(valueCases).join("\n")}
  esac
  case "$command" in
${commands.map(optionCase).join("\n")}
    help) _shimmy_complete words "$current" "${names.join(" ")}"; return ;;
  esac
  if [[ $current == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
    return
  fi
  for ((at = 2; at < COMP_CWORD; at++)); do
    case "$command \${COMP_WORDS[at]}" in
${commands.flatMap(skippedCases).join("\n")}
      *" -"*) ;;
      *) operands=$((operands + 1)) ;;
    esac
  done
  case "$command $operands" in
${commands.flatMap(operandCases).join("\n")}
  esac
}

complete -F _shimmy shimmy
`;
}

/** The arguments of `_shimmy_complete` for a kind of value; null for a value that is not completed. */
function completion(kind: ValueKind): string | null {
  if (kind === "text") return null;
  return typeof kind === "string"
    ? `_shimmy_complete ${kind} "$current"`
    : `_shimmy_complete words "$current" "${kind.join(" ")}"`;
}

function valueCases({ name: command, options }: CompletedCommand): string[] {
  return options.flatMap(({ name, short, value }) => {
    if (value === null) return [];
    const forms = [`--${name}`, ...(short === null ? [] : [`-${short}`])];
    const patterns = forms.map((form) => `"${command} ${form}"`).join(" | ");
    const call = completion(value);
    return [`    ${patterns}) ${call === null ? "" : `${call}; `}return ;;`];
  });
}

function optionCase({ name, options }: CompletedCommand): string {
  return `    ${name}) options="${options.map((option) => `--${option.name}`).join(" ")}" ;;`;
}

/** Words that take the next word as their value, so that the value is no operand. */
function skippedCases({ name: command, options }: CompletedCommand): string[] {
  const forms = options.filter(({ value }) => value !== null).flatMap(({ name, short }) => [
    `"${command} --${name}"`,
    ...(short === null ? [] : [`"${command} -${short}"`]),
  ]);
  return forms.length === 0 ? [] : [`      ${forms.join(" | ")}) at=$((at + 1)) ;;`];
}

function operandCases({ name, operands }: CompletedCommand): string[] {
  return operands.flatMap((kind, at) => {
    const call = completion(kind);
    return call === null ? [] : [`    "${name} ${at}") ${call} ;;`];
  });
}
