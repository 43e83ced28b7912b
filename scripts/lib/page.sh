# The page: built with Trunk into dist/, served by a small static server.

page_serve() {
  page_build
  exec node "$ROOT/web/serve.mjs" "$@"
}

# With --at ADDRESS also what oEmbed consumers ask a host of plain files for.
page_build() {
  need_page_tools
  page_make
  case "${1:-}" in
    "") ;;
    --at)
      if ! node "$ROOT/web/oembed.mjs" "${2:-}" >"$ROOT/dist/oembed.json"; then
        rm "$ROOT/dist/oembed.json"
        die "--at takes the address at which the page will be, such as https://example.org/kubeviz/"
      fi
      ;;
    *) die "There is no option $1." "Usage: ./kubeviz build [--at ADDRESS]" ;;
  esac
}

page_make() {
  local now stamp="$ROOT/dist/.built-from"
  now="$(page_fingerprint)"
  if [[ -f "$ROOT/dist/index.html" && "$(cat "$stamp" 2>/dev/null)" == "$now" ]]; then
    step "the page in dist/ is up to date"
    return
  fi
  page_trunk
  step "optimising the program, and splitting off what the first picture does not need"
  node "$ROOT/web/halves.mjs"
  echo "$now" >"$stamp"
  step "the page is in dist/"
}

page_trunk() {
  step "bundling the editor"
  node "$ROOT/web/build.mjs"
  step "building the release page (minutes the first time, less than one afterwards)"
  rm -f "$ROOT/dist/.built-from"
  (cd "$ROOT" && env -u NO_COLOR trunk build --release) ||
    die "The page could not be built." "Look at the lines above; they are the compiler's."
}

# Writes web/later.txt anew: which functions the first picture does without. For when the end-to-end test of it fails, or the first
# load has grown.
page_record() {
  need_page_tools
  need_node "$NODE_FOR_TESTS"
  need_browser
  page_trunk
  node "$ROOT/web/halves.mjs" --record
  step "opening the page in every shape, to see which functions run"
  node "$ROOT/web/record.mjs"
  rm -rf "$ROOT/dist"
}

# How long frames take while a big cluster starts, rests and is replaced.
page_frames() {
  need_node "$NODE_FOR_TESTS"
  need_browser
  page_build
  step "measuring; a quiet machine gives the truest figures"
  node "$ROOT/web/frames.mjs" "$@"
}

# One line that changes with anything that the page is made from.
page_fingerprint() {
  (
    cd "$ROOT"
    find .cargo Cargo.toml Cargo.lock Trunk.toml index.html src crates static web lessons locales \
      -path static/generated -prune -o -path web/node_modules -prune -o -path src/bin -prune -o -type f -print0 2>/dev/null |
      LC_ALL=C sort -z | xargs -0 cksum
    rustc --version
  ) | cksum
}
