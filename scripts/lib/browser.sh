# The browser that the tests drive: Chromium with its driver, and a font with Korean for the screenshots.
#
# What is there is used. Otherwise Debian's packages are installed where this user may, else Playwright's own build.

need_browser() {
  find_chromium || install_chromium
  need_chromedriver
  need_korean_font
}

find_chromium() {
  local name
  if [[ -n "${CHROMIUM:-}" ]]; then
    [[ -x "$CHROMIUM" ]] || die "CHROMIUM is set to $CHROMIUM, which is not a program." "Set it to a Chromium or Chrome, or unset it."
    return 0
  fi
  for name in chromium chromium-browser google-chrome google-chrome-stable; do
    have "$name" && CHROMIUM="$(command -v "$name")" && export CHROMIUM && return 0
  done
  local own
  own="$(find "${PLAYWRIGHT_BROWSERS_PATH:-$HOME/.cache/ms-playwright}" -type f -path '*chrom*' \( -name chrome -o -name headless_shell \) 2>/dev/null | sort | tail -n 1)"
  [[ -n "$own" ]] && CHROMIUM="$own" && export CHROMIUM
}

install_chromium() {
  step "installing Chromium for the browser tests"
  apt_install chromium chromium-driver && find_chromium && return
  if quietly playwright-chromium npx --prefix "$ROOT/web" playwright install chromium; then find_chromium && return; fi
  die "There is no Chromium, and it could not be installed." \
    "Install Chromium or Chrome with its chromedriver (Debian: apt-get install chromium chromium-driver)," \
    "or set CHROMIUM to the program, and run this again."
}

# Only wasm-bindgen's test runner needs the driver; Playwright speaks to the browser itself.
need_chromedriver() {
  if [[ -z "${CHROMEDRIVER:-}" ]]; then
    have chromedriver || apt_install chromium-driver || die "chromedriver is not installed." \
      "Install the one of your browser's version ($("$CHROMIUM" --version 2>/dev/null || true))," \
      "or set CHROMEDRIVER to the program, and run this again."
    CHROMEDRIVER="$(command -v chromedriver)"
  fi
  export CHROMEDRIVER
}

# Without one, Korean shows as boxes in the screenshots; no test depends on it.
need_korean_font() {
  have fc-list || return 0
  [[ -n "$(fc-list :lang=ko family 2>/dev/null)" ]] && return 0
  step "installing a font with Korean for the screenshots"
  apt_install fonts-noto-cjk || note "not installed: Korean will show as boxes in the screenshots"
}

# apt_install PACKAGE...: fails where there is no apt or no right to use it.
apt_install() {
  have apt-get || return 1
  local as=()
  if ((EUID != 0)); then
    have sudo && sudo -n true 2>/dev/null || return 1
    as=(sudo -n)
  fi
  quietly apt-update "${as[@]}" apt-get update || note "apt-get update failed; trying with the lists there are"
  quietly apt-install "${as[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"
}
