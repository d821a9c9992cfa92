/**
 * A shell's side of completion: it hands the words up to the cursor to `catena __complete`, which
 * prints "files" or "names", then a line a candidate: value, tab, description.
 */
export const SHELL_SCRIPTS: Record<string, string> = {
  bash: `# bash completion for catena
_catena() {
  local line=\${COMP_LINE:0:COMP_POINT} kind reply value
  local -a words replies
  read -ra words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  mapfile -t replies < <("\${words[0]}" __complete -- "\${words[@]:1}" 2>/dev/null)
  kind=\${replies[0]-}
  COMPREPLY=()
  for reply in "\${replies[@]:1}"; do
    value=\${reply%%$'\\t'*}
    COMPREPLY+=("$value")
  done
  # bash replaces only what stands after the last of its word breaks.
  local typed=\${words[-1]} breaks
  for breaks in : =; do
    if [[ $typed == *"$breaks"* && $COMP_WORDBREAKS == *"$breaks"* ]]; then
      COMPREPLY=("\${COMPREPLY[@]#"\${typed%"$breaks"*}$breaks"}")
    fi
  done
  if [[ $kind == files ]]; then compopt -o default 2>/dev/null; fi
}
complete -F _catena catena
`,
  zsh: `#compdef catena
_catena() {
  local -a replies items
  replies=("\${(@f)$("\${words[1]}" __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  local kind=\${replies[1]} reply value
  for reply in "\${(@)replies[2,-1]}"; do
    value=\${reply%%$'\\t'*}
    items+=("\${value//:/\\\\:}:\${reply#*$'\\t'}")
  done
  (( \${#items} )) && _describe -t catena catena items
  [[ $kind == files ]] && _files
  return 0
}
if [[ $funcstack[1] == _catena ]]; then _catena "$@"; else compdef _catena catena; fi
`,
  fish: `# fish completion for catena
function __catena_replies
  set -l words (commandline -opc)
  set -l typed (commandline -ct)
  $words[1] __complete -- $words[2..-1] "$typed" 2>/dev/null
end
function __catena_names
  set -l replies (__catena_replies)
  if test "$replies[1]" = files
    __fish_complete_path (commandline -ct)
  end
  if set -q replies[2]
    string join \\n -- $replies[2..-1]
  end
end
complete -c catena -f -a '(__catena_names)'
`,
};
