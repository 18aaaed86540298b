# Sourced by the scripts that run several checks: each runs, failures are summed up at the end.
# shellcheck shell=bash
passed=() failed=()

# step NAME COMMAND...: run the command and remember what became of it.
step() {
  local name=$1
  shift
  printf '\n== %s\n' "$name"
  if "$@"; then passed+=("$name"); else
    printf '!! %s failed with exit code %s\n' "$name" "$?"
    failed+=("$name")
  fi
}

# summary: say which steps passed and which failed; its exit code is that of the whole.
summary() {
  printf '\n== %s: %s passed, %s failed\n' "$(basename "$0")" "${#passed[@]}" "${#failed[@]}"
  [ ${#failed[@]} -eq 0 ] && return
  printf '   failed: %s\n' "${failed[@]}"
  return 1
}
