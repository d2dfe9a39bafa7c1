#!/bin/sh
# Install what is missing, and nothing twice: Debian packages, a virtual environment, locked Python packages, torch (CPU).
# usage: scripts/bootstrap.sh demo|test|bench|rknn
set -eu

PURPOSE=${1:?usage: scripts/bootstrap.sh demo|test|bench|rknn}
VENV=${VENV:-.venv}
TORCH=torch==2.13.0

case $PURPOSE in
  demo) PACKAGES="mosquitto libespeak-ng1 espeak-ng-data flite pocketsphinx-testdata" ;;
  test) PACKAGES="mosquitto libespeak-ng1 espeak-ng-data flite pocketsphinx-testdata postgresql chromium fonts-noto-cjk softhsm2 swupdate squashfs-tools rauc dbus-daemon strace" ;;
  bench) PACKAGES="bsdiff xdelta3 zstd" ;;
  rknn) PACKAGES="util-linux"; VENV=${VENV_RKNN:-.venv-rknn} ;;  # the NPU compiler, in an environment of its own
  *) echo "bootstrap: expected 'demo', 'test', 'bench' or 'rknn', got '$PURPOSE'" >&2; exit 2 ;;
esac

say() { printf 'bootstrap: %s\n' "$*" >&2; }
fail() { say "$1"; say "what to do: $2"; exit 1; }

PYTHON=${PYTHON:-}
if [ -z "$PYTHON" ]; then
  for candidate in python3.11 python3; do
    command -v "$candidate" >/dev/null 2>&1 && { PYTHON=$candidate; break; }
  done
fi
[ -n "$PYTHON" ] || PACKAGES="python3 $PACKAGES"
if [ -z "$PYTHON" ] || ! "$PYTHON" -c 'import ensurepip, venv' >/dev/null 2>&1; then
  PACKAGES="python3-venv $PACKAGES"
fi

missing=""
for package in $PACKAGES; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q '^install ok installed$' || missing="$missing $package"
done
if [ -n "$missing" ]; then
  say "installing Debian packages:$missing"
  SUDO=""
  [ "$(id -u)" = 0 ] || SUDO=sudo
  # The lists may be old: try with them first only when they exist.
  $SUDO apt-get update -qq || fail "apt-get update failed" "check the network and /etc/apt/sources.list"
  # shellcheck disable=SC2086  # a list of words is meant
  $SUDO env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null \
    || fail "apt-get install failed" "run: ${SUDO:+$SUDO }apt-get install$missing"
fi
PYTHON=${PYTHON:-python3}

"$PYTHON" -c 'import sys; sys.exit(sys.version_info[:2] < (3, 11))' \
  || fail "$("$PYTHON" --version) is too old" "set PYTHON to a Python 3.11"

if [ ! -x "$VENV/bin/python" ]; then
  say "making the virtual environment $VENV"
  "$PYTHON" -m venv "$VENV"
fi

install_torch() {
  # torch has no hash: its CPU build has another file, hence another hash, on every index (SECURITY.md).
  # shellcheck disable=SC2086
  "$VENV/bin/python" -m pip install -q --no-deps ${TORCH_PIP_ARGS:-} "$TORCH" \
    || fail "$TORCH cannot be installed" "see requirements/README.md, section torch"
  "$VENV/bin/python" -c 'import torch' 2>/dev/null \
    || fail "torch does not import: probably the CUDA build" "set TORCH_PIP_ARGS to the pip options of the CPU index (requirements/README.md)"
}

install_locked() {  # a lock file, and what else pip is to be told
  "$VENV/bin/python" -m pip install -q --require-hashes "$@" \
    || fail "the locked packages cannot be installed" "check the network; requirements/README.md explains the locks"
}

STAMP=$VENV/.installed
if [ "$PURPOSE" = rknn ]; then
  WANT=$(cat requirements/rknn.lock requirements/rknn-toolkit.lock scripts/bootstrap.sh | sha256sum | cut -d' ' -f1)
  if [ "$(cat "$STAMP" 2>/dev/null)" != "$WANT" ]; then
    say "installing the NPU compiler into $VENV (about 1.5 GB with torch; minutes, once)"
    install_locked -r requirements/rknn.lock
    install_torch
    install_locked --no-deps -r requirements/rknn-toolkit.lock
    "$VENV/bin/python" -c 'from rknn.api import RKNN' >/dev/null 2>&1 \
      || fail "rknn-toolkit2 does not import" "see why: $VENV/bin/python -c 'from rknn.api import RKNN'"
    printf '%s' "$WANT" > "$STAMP"
  fi
  exit 0
fi

WANT=$(cat requirements/dev.lock pyproject.toml scripts/bootstrap.sh | sha256sum | cut -d' ' -f1)
if [ "$(cat "$STAMP" 2>/dev/null)" != "$WANT" ]; then
  say "installing Python packages (about 1.5 GB with torch; minutes, once)"
  install_locked -r requirements/dev.lock
  install_torch
  "$VENV/bin/python" -m pip install -q --no-deps --no-build-isolation -e . 2>/dev/null \
    || fail "the project cannot be installed into $VENV" "run: $VENV/bin/python -m pip install --no-deps --no-build-isolation -e ."
  printf '%s' "$WANT" > "$STAMP"
fi

SOURCES=$VENV/src  # source distributions whose tests are run on ours, never installed
if [ "$PURPOSE" = test ] && [ "$(cat "$SOURCES/.fetched" 2>/dev/null)" != "$(sha256sum < requirements/tuf-source.lock)" ]; then
  "$VENV/bin/python" -m pip download -q --no-deps --no-binary tuf --no-build-isolation --require-hashes \
    -d "$SOURCES" -r requirements/tuf-source.lock || fail "python-tuf's source cannot be fetched" "check the network"
  sha256sum < requirements/tuf-source.lock > "$SOURCES/.fetched"
fi
