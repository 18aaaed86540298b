# Sourced by the scripts: steps that all run, with a summary at the end, and where the data are.
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

# find_data: unless SEQLOOM_DATA is set, let it name the data sets beside the checkout, if any.
find_data() {
  if [ -z "${SEQLOOM_DATA:-}" ] && [ -d ../shared/data ]; then
    SEQLOOM_DATA=$(cd ../shared/data && pwd)
    export SEQLOOM_DATA
  fi
}
