# Words for the person at the terminal. All of it goes to stderr: stdout belongs to the command's own result.

# What is being done now, one line.
step() { printf '%s %s\n' "$(paint '1;34' '==>')" "$*" >&2; }

# A detail of the step.
note() { printf '    %s\n' "$*" >&2; }

# What is wrong and what to do about it, then stop. Each argument is a line.
die() {
  printf '%s %s\n' "$(paint '1;31' 'error:')" "$1" >&2
  shift
  local line
  for line in "$@"; do printf '       %s\n' "$line" >&2; done
  exit 1
}

paint() {
  if [[ -t 2 && -z "${NO_COLOR:-}" ]]; then printf '\033[%sm%s\033[0m' "$1" "$2"; else printf '%s' "$2"; fi
}

have() { command -v "$1" >/dev/null 2>&1; }

# Runs a long command with its output in a log, which is shown only where the command fails.
quietly() {
  local log="$TOOLS/log/$1.log"
  shift
  mkdir -p "$TOOLS/log"
  if "$@" >"$log" 2>&1; then return 0; fi
  tail -n 25 "$log" >&2
  note "the whole log is in $log"
  return 1
}
