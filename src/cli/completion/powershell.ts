import type { CompletedCommand, ValueKind } from "./description.ts";

/** The completion script of PowerShell; `shimmy completion powershell | Out-String | Invoke-Expression`. */
export function powershellCompletion(commands: readonly CompletedCommand[]): string {
  return `# Completion of shimmy for PowerShell. Load it with:
# shimmy completion powershell | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName shimmy -ScriptBlock {
  param($wordToComplete, $commandAst, $cursorPosition)
  $commands = [ordered]@{
${commands.map(({ name, summary }) => `    ${quoted(name)} = ${quoted(summary)}`).join("\n")}
  }
  $options = @{
${
    commands.map(({ name, options }) =>
      `    ${quoted(name)} = @(${options.map((one) => quoted(`--${one.name}`)).join(", ")})`
    ).join("\n")
  }
  }
  $values = @{
${commands.flatMap(valueEntries).join("\n")}
  }
  $operands = @{
${
    commands.filter(({ operands }) => operands[0] !== undefined).map(({ name, operands }) =>
      `    ${quoted(name)} = ${kindText(operands[0]!)}`
    ).join("\n")
  }
  }
  $words = @($commandAst.CommandElements | ForEach-Object { $_.ToString() })
  $before = if ($wordToComplete) { $words[0..($words.Count - 2)] } else { $words }
  $candidates = if ($before.Count -le 1) { $commands.Keys } else {
    $command = $before[1]
    $key = "$command $($before[-1])"
    if ($values.ContainsKey($key)) { $kind = $values[$key] }
    elseif ($wordToComplete.StartsWith('-')) { $kind = $options[$command] }
    else { $kind = $operands[$command] }
    if ($kind -eq 'model') { shimmy list --short 2>$null } elseif ($kind -eq 'path') { $null } else { $kind }
  }
  $candidates | Where-Object { $_ -like "$wordToComplete*" } | ForEach-Object {
    $tip = if ($commands.Contains($_)) { $commands[$_] } else { $_ }
    [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $tip)
  }
}
`;
}

function valueEntries({ name: command, options }: CompletedCommand): string[] {
  return options.flatMap(({ name, value }) =>
    value === null ? [] : [`    ${quoted(`${command} --${name}`)} = ${kindText(value)}`]
  );
}

/** Words as a list; `path` leaves the completion to PowerShell, which completes files by itself. */
function kindText(kind: ValueKind): string {
  if (typeof kind !== "string") return `@(${kind.map(quoted).join(", ")})`;
  return quoted(kind === "model" ? "model" : "path");
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
