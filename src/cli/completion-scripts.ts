// What each shell is given by `rlaif completion <shell>`: a function that asks `rlaif complete` at every Tab, with the line
// up to the cursor.

/** Single-quoted for any of the shells. */
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`

/** bash breaks words at ":" and "=", which ids of runs contain: what stands before the last of them is already there. */
const bash = (ask: string) =>
  String.raw`# Completion of rlaif for bash: eval "$(rlaif completion bash)"
_rlaif() {
  local typed="\${COMP_LINE:0:COMP_POINT}" line value
  local word="\${typed##*[[:space:]]}"
  local before="\${word%"\${word##*[:=]}"}"
  COMPREPLY=()
  while IFS= read -r line; do
    if [[ $line == :paths ]]; then
      compopt -o default 2>/dev/null
      continue
    fi
    value="\${line%%$'\t'*}"
    value="\${value#"$before"}"
    [[ $word == *[\"\']* ]] || printf -v value %q "$value"
    COMPREPLY+=("$value")
  done < <(${ask} "$typed" 2>/dev/null)
}
complete -F _rlaif rlaif
`.replaceAll('\\${', '${')

const zsh = (ask: string) =>
  String.raw`#compdef rlaif
# Completion of rlaif for zsh: eval "$(rlaif completion zsh)", after compinit
_rlaif() {
  local -a values
  local line
  for line in "\${(@f)$(${ask} "\${(j: :)words[1,CURRENT]}" 2>/dev/null)}"; do
    if [[ $line == :paths ]]; then
      _files
      return
    fi
    [[ -n $line ]] && values+=("\${\${line%%$'\t'*}//:/\\:}:\${line#*$'\t'}")
  done
  _describe rlaif values
}
compdef _rlaif rlaif
`.replaceAll('\\${', '${')

const fish = (ask: string) => `# Completion of rlaif for fish: rlaif completion fish | source
function __rlaif_complete
  set -l lines (${ask} (commandline -cp | string collect) 2>/dev/null)
  if contains -- :paths $lines
    __fish_complete_path (commandline -ct)
  else
    printf '%s\\n' $lines
  end
end
complete -c rlaif -f -a '(__rlaif_complete)'
`

const SCRIPTS = { bash, zsh, fish }
export type Shell = keyof typeof SCRIPTS
export const SHELLS = Object.keys(SCRIPTS) as Shell[]

/** @param command the program and its first arguments, which \`complete <line>\` is added to */
export const completionScript = (shell: Shell, command: readonly string[]): string =>
  SCRIPTS[shell](`${command.map(quoted).join(' ')} complete`)
