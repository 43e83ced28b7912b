# The tests, in layers: cheapest first, so that what is wrong is known as early as can be.

LAYERS=(fmt clippy unit schema browser page e2e)

# tests_run [LAYER...]: one layer runs here; several run each in a process of its own, all of them, and are summed up.
tests_run() {
  local layer
  for layer in "$@"; do
    [[ " ${LAYERS[*]} " == *" $layer "* ]] || die "There is no test layer \"$layer\"." "Layers: ${LAYERS[*]}"
  done
  cd "$ROOT"
  case $# in
    1) "test_$1" ;;
    0) tests_all "${LAYERS[@]}" ;;
    *) tests_all "$@" ;;
  esac
}

tests_all() {
  local layer started failed=() passed=()
  need_page_tools
  for layer in "$@"; do
    started=$SECONDS
    if "$ROOT/kubeviz" test "$layer"; then passed+=("$layer"); else failed+=("$layer"); fi
    note "$layer took $((SECONDS - started)) s"
  done
  step "layers passed: ${passed[*]:-none}"
  ((${#failed[@]} == 0)) || step "layers failed: ${failed[*]}"
  echo "layers: ${#passed[@]} passed, ${#failed[@]} failed"
  ((${#failed[@]} == 0))
}

test_fmt() {
  need_cargo
  step "fmt: the code is formatted"
  cargo fmt --all --check
}

test_clippy() {
  need_cargo
  need_wasm_target
  step "clippy: the library and the headless command"
  cargo clippy --quiet --workspace --lib --bin kubeviz --tests --benches -- -D warnings
  step "clippy: the page"
  cargo clippy --quiet --target "$WASM_TARGET" --features ui --bin web -- -D warnings
}

test_unit() {
  need_cargo
  step "unit: modules, scenarios, conformance, simulation, architecture"
  cargo test --workspace --lib --bin kubeviz --tests
}

test_schema() {
  need_cargo
  step "schema: the table of fields is what k8s-openapi says"
  cargo run --quiet --manifest-path tools/schema-table/Cargo.toml --target-dir "${CARGO_TARGET_DIR:-target}/schema-table" -- --check
}

test_browser() {
  [[ -f tests/web.rs ]] || { step "browser: there is no tests/web.rs, nothing to run" && return; }
  need_cargo
  need_wasm_target
  need_wasm_bindgen
  need_browser
  step "browser: the library inside headless Chromium has the same runs as here"
  # What the same sources do natively; tests/web.rs compares.
  local scenarios native
  mapfile -t scenarios < <(grep -o '"tests/scenarios/[^"]*"' tests/web.rs | tr -d '"')
  native="$(cargo run --quiet --bin kubeviz -- digest "${scenarios[@]}")"
  # The runner starts Chromium by these settings; as root, Chromium refuses to start with its sandbox.
  mkdir -p target
  cat >target/webdriver.json <<JSON
{ "goog:chromeOptions": { "binary": "$CHROMIUM", "args": ["--headless=new", "--no-sandbox", "--disable-gpu",
  "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"] } }
JSON
  # Without debug information: the runner reads the whole wasm file first. And an unoptimised run with all invariants
  # checked takes its time in a browser on a busy machine.
  CARGO_PROFILE_DEV_DEBUG=false WASM_BINDGEN_TEST_TIMEOUT=300 KUBEVIZ_NATIVE_DIGESTS="$native" \
    WASM_BINDGEN_TEST_WEBDRIVER_JSON="$ROOT/target/webdriver.json" \
    cargo test --target "$WASM_TARGET" --test web
}

test_page() {
  page_build
  node web/size.mjs
}

test_e2e() {
  page_build
  need_node "$NODE_FOR_TESTS"
  need_browser
  step "e2e: the built page's editor and specs are well typed"
  npm --prefix web run --silent check
  step "e2e: the built page in headless Chromium (screenshots go to target/screenshots/)"
  npm --prefix web run --silent e2e
}
