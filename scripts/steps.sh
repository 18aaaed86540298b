# Sourced by the scripts: run steps, print a summary, find the data.
# shellcheck shell=bash
passed=() failed=()

# step NAME COMMAND...: run the command and record whether it passed.
step() {
  local name=$1
  shift
  printf '\n== %s\n' "$name"
  if "$@"; then passed+=("$name"); else
    printf '!! %s failed with exit code %s\n' "$name" "$?"
    failed+=("$name")
  fi
}

# summary: print how many steps passed and which failed; return 1 if any failed.
summary() {
  printf '\n== %s: %s passed, %s failed\n' "$(basename "$0")" "${#passed[@]}" "${#failed[@]}"
  [ ${#failed[@]} -eq 0 ] && return
  printf '   failed: %s\n' "${failed[@]}"
  return 1
}

# find_data: unless SEQLOOM_DATA is set, set it to the data sets beside the checkout, if there are any.
find_data() {
  if [ -z "${SEQLOOM_DATA:-}" ] && [ -d ../shared/data ]; then
    SEQLOOM_DATA=$(cd ../shared/data && pwd)
    export SEQLOOM_DATA
  fi
}
