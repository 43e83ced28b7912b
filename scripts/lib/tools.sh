# What the page is built with: the wasm target, wasm-bindgen, Trunk, and the npm packages of web/.
#
# A tool of the exact version on PATH is used as it is. Otherwise the released binary is downloaded, and where that
# cannot be had (no network, no binary for this machine, an older libc) the tool is compiled from crates.io.

TOOLS="${KUBEVIZ_TOOLS:-$HOME/.cache/kubeviz/tools}"
WASM_TARGET=wasm32-unknown-unknown
TRUNK_VERSION=0.21.14
NODE_FOR_PAGE=18
NODE_FOR_TESTS=20
CONNECT_SECONDS=4

export PATH="$TOOLS/bin:$ROOT/web/node_modules/.bin:$PATH"

need_page_tools() {
  need_cargo
  need_wasm_target
  need_wasm_bindgen
  need_trunk
  need_node "$NODE_FOR_PAGE"
  need_npm_packages
}

need_cargo() {
  have cargo && return
  # rustup's own installer tells shells, not running programs, where it put cargo.
  [[ -x "$HOME/.cargo/bin/cargo" ]] && export PATH="$PATH:$HOME/.cargo/bin" && return
  die "cargo is not installed." "Install Rust from https://rustup.rs and run this again."
}

need_wasm_target() {
  [[ -d "$(rustc --print sysroot)/lib/rustlib/$WASM_TARGET/lib" ]] && return
  step "installing Rust's $WASM_TARGET target"
  have rustup || die "This Rust has no $WASM_TARGET target and was not installed by rustup." \
    "Install Rust from https://rustup.rs, or your system's package of that target, and run this again."
  rustup target add "$WASM_TARGET" >&2 ||
    die "rustup could not install the $WASM_TARGET target." "Look at the lines above; usually the network is away."
}

# wasm-bindgen refuses a wasm file made with any other version of its library than its own.
need_wasm_bindgen() {
  local version
  version="$(locked_version wasm-bindgen)"
  local wanted="wasm-bindgen $version"
  reports "$wanted" wasm-bindgen && reports "wasm-bindgen-test-runner $version" wasm-bindgen-test-runner && return
  step "installing $wanted"
  local host
  for host in $(release_hosts musl gnu); do
    download "https://github.com/wasm-bindgen/wasm-bindgen/releases/download/$version/wasm-bindgen-$version-$host.tar.gz" \
      wasm-bindgen wasm-bindgen-test-runner && reports "$wanted" wasm-bindgen && return
  done
  compile wasm-bindgen-cli "$version" 2
  reports "$wanted" wasm-bindgen || die "wasm-bindgen was installed but does not say it is version $version." "Remove $TOOLS and run this again."
}

need_trunk() {
  local wanted="trunk $TRUNK_VERSION"
  reports "$wanted" trunk && return
  step "installing $wanted"
  local host
  for host in $(release_hosts musl gnu); do
    download "https://github.com/trunk-rs/trunk/releases/download/v$TRUNK_VERSION/trunk-$host.tar.gz" trunk &&
      reports "$wanted" trunk && return
  done
  # Without default features Trunk has no TLS of its own and cannot download tools, which it need not do here.
  compile trunk "$TRUNK_VERSION" 6 --no-default-features
  reports "$wanted" trunk || die "Trunk was installed but does not say it is version $TRUNK_VERSION." "Remove $TOOLS and run this again."
}

need_node() {
  have node && have npm || die "node and npm are not installed." "Install Node.js $NODE_FOR_TESTS or newer (https://nodejs.org, or your system's package) and run this again."
  local major
  major="$(node -p 'process.versions.node.split(".")[0]')"
  ((major >= $1)) || die "Node.js $major is too old: this needs $1 or newer." "Install a newer one (https://nodejs.org) and run this again."
}

# `npm ci` when the lock file is not the one that was installed last.
need_npm_packages() {
  local stamp="$ROOT/web/node_modules/.kubeviz-lock"
  cmp -s "$ROOT/web/package-lock.json" "$stamp" && return
  step "installing the npm packages of web/"
  quietly npm npm --prefix "$ROOT/web" ci --no-audit --no-fund ||
    die "npm could not install the packages of web/." "Look at the lines above; usually the network is away."
  cp "$ROOT/web/package-lock.json" "$stamp"
}

# The version of a crate in Cargo.lock.
locked_version() {
  awk -v want="name = \"$1\"" '$0 == want { getline; gsub(/version = |"/, ""); print; exit }' "$ROOT/Cargo.lock"
}

# Whether the command runs and begins its version with the given words.
reports() {
  local said
  said="$("$2" --version 2>/dev/null)" || return 1
  [[ "$said" == "$1" || "$said" == "$1 "* || "$said" == "$1"$'\n'* ]]
}

# This machine's names in release files, best first: a musl binary runs on any Linux.
release_hosts() {
  [[ "${KUBEVIZ_PREBUILT:-1}" == 0 ]] && return
  local cpu
  case "$(uname -m)" in
    x86_64 | amd64) cpu=x86_64 ;;
    aarch64 | arm64) cpu=aarch64 ;;
    *) return ;;
  esac
  case "$(uname -s)" in
    Linux) printf "$cpu-unknown-linux-%s\n" "$@" ;;
    Darwin) echo "$cpu-apple-darwin" ;;
  esac
}

# download URL BINARY...: takes the named binaries out of a release file into $TOOLS/bin. Fails quietly, but says so.
download() {
  local url="$1" folder
  shift
  have curl && have tar || return 1
  [[ -z "${OFFLINE:-}" ]] || return 1
  folder="$(mktemp -d)"
  local status=0
  curl --fail --silent --location --proto '=https' --connect-timeout "$CONNECT_SECONDS" --max-time 180 \
    --output "$folder/release.tar.gz" "$url" || status=$?
  # 6, 7, 28: no such host, no connection, no answer in time. The next download would end the same way.
  case $status in 6 | 7 | 28) OFFLINE=1 ;; esac
  if ((status == 0)) && tar -xzf "$folder/release.tar.gz" -C "$folder" && place "$folder" "$@"; then
    rm -rf "$folder"
    note "downloaded ${url##*/}"
    return 0
  fi
  rm -rf "$folder"
  note "no released binary to be had from ${url%%/releases*} (${url##*/})"
  return 1
}

# Moves the named binaries found anywhere below a folder into $TOOLS/bin, where they run here.
place() {
  local folder="$1" name found
  shift
  mkdir -p "$TOOLS/bin"
  for name in "$@"; do
    found="$(find "$folder" -type f -name "$name" | head -n 1)"
    [[ -n "$found" ]] && chmod +x "$found" && "$found" --version >/dev/null 2>&1 || return 1
    mv -f "$found" "$TOOLS/bin/$name"
  done
}

# compile CRATE VERSION MINUTES [FLAG...]: an unoptimised build without debug information: a third of the time of a
# release build, and the tools are as good as fast. The crate's own lock file is tried first, then without it.
compile() {
  local crate="$1" version="$2" minutes="$3" lock
  shift 3
  note "compiling it instead: about $minutes minutes on two cores, once"
  have cc || die "A C compiler is needed to link Rust programs, and there is none." "On Debian: apt-get install build-essential"
  for lock in --locked ""; do
    # shellcheck disable=SC2086
    CARGO_PROFILE_DEV_DEBUG=0 CARGO_TARGET_DIR="$TOOLS/build" quietly "$crate" \
      cargo install "$crate" --version "$version" --root "$TOOLS" --debug --force $lock "$@" && return
    [[ -n "$lock" ]] && note "not with its own lock file; trying without"
  done
  die "$crate $version could not be compiled." "Look at the lines above. Any $crate $version on PATH does as well."
}
