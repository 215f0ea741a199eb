#!/usr/bin/env bash
# Sets up everything the suite needs: .venv with the packages, Java, Spark's jars. Quick when done before.
set -euo pipefail
cd "$(dirname "$0")/.."
unset PYTHONHOME PYTHONPATH SPARK_HOME
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore

say() { printf 'setup: %s\n' "$*"; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }
# apt-get may install only as root; otherwise the message says what to install.
can_install() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }
install() {
  say "installing $* (apt-get)"
  local log
  log=$(mktemp)
  # One source that cannot be reached must not stop the others: the installation tells.
  if ! { apt-get update -qq || true; DEBIAN_FRONTEND=noninteractive \
      apt-get install -y -qq --no-install-recommends "$@"; } >"$log" 2>&1 </dev/null; then
    tail -n 15 "$log" >&2
    rm -f "$log"
    return 1
  fi
  rm -f "$log"
}

# Two calls at once (make -j, two terminals) take turns.
if command -v flock >/dev/null; then
  exec 9<.
  flock 9
fi

suits() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))' >/dev/null 2>&1; }
find_python() {
  local name
  for name in ${THREESTEP_PYTHON:-} python3.11 /usr/bin/python3.11 python3 python3.12; do
    if suits "$name"; then command -v "$name"; return; fi
  done
  return 1
}

make_venv() {
  local python=$1 version
  version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  rm -rf .venv
  say "creating .venv with Python $version"
  if "$python" -m venv .venv >/dev/null 2>&1; then return; fi
  # Debian keeps ensurepip in a package of its own.
  rm -rf .venv
  if can_install && { install "python$version-venv" || install python3-venv; } && "$python" -m venv .venv; then return; fi
  # Without it, a pip beside this Python can fill the environment.
  rm -rf .venv
  if "$python" -m venv --without-pip .venv >/dev/null 2>&1 &&
    "$python" -m pip --python .venv/bin/python install -q pip >/dev/null 2>&1; then return; fi
  rm -rf .venv
  fail "Python $version cannot create virtual environments. Install them (Debian, Ubuntu: apt-get install python$version-venv)."
}

# The stamp holds what the environment was made from: unchanged, there is nothing to do.
wanted=$(cksum pyproject.toml; pwd)
if ! [ -x .venv/bin/python ] || ! [ "$(cat .venv/threestep.stamp 2>/dev/null)" = "$wanted" ]; then
  if ! suits .venv/bin/python || ! .venv/bin/python -m pip --version 2>/dev/null | grep -q "$PWD/.venv/"; then
    python=$(find_python) ||
      fail "Python 3.11 is needed. Install it (Debian 12: apt-get install python3.11 python3.11-venv) or set THREESTEP_PYTHON."
    make_venv "$python"
  fi
  say "installing Python packages into .venv (some 500 MB, a few minutes the first time)"
  .venv/bin/python -m pip install -q --progress-bar off --use-pep517 -e '.[dev]' ||
    fail "pip could not install the packages: see above; the network, a proxy (HTTPS_PROXY) or disk space may be the reason."
  printf '%s\n' "$wanted" >.venv/threestep.stamp
fi

if ! .venv/bin/python -m jobs.java >/dev/null 2>&1; then
  if can_install; then install openjdk-17-jre-headless || true; fi
  .venv/bin/python -m jobs.java >/dev/null || exit 1
fi

if ! .venv/bin/python -c 'import sys; from jobs.versions import resolved_jars; sys.exit(not resolved_jars())'; then
  say "fetching Spark's jars (150 MB, about a minute the first time)"
  .venv/bin/python -m jobs.resolve
fi
