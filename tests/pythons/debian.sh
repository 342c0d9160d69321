#!/bin/sh
# Runs the core of the Python tests with the Python of a newer Debian (default: python3.14 of sid), in a root of its own that
# mmdebstrap makes from Debian's packages. Needs root, and mmdebstrap (apt-get install mmdebstrap).
#   debian.sh WHEEL ROOT [PYTHON [SUITE]]
set -eu
wheel=$1
root=$2
python=${3:-python3.14}
suite=${4:-sid}
here=$(cd "$(dirname "$0")/../.." && pwd)
command -v mmdebstrap > /dev/null || { echo "mmdebstrap is missing: apt-get install mmdebstrap"; exit 2; }
if [ ! -x "$root/usr/bin/$python" ]; then
    # A mirror may be some weeks old.
    mmdebstrap --quiet --variant=apt --aptopt='Acquire::Check-Valid-Until "false"' \
        --include="$python-venv,ca-certificates" "$suite" "$root"
fi
cp /etc/resolv.conf "$root/etc/resolv.conf"
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
mkdir -p "$root/src" "$root/out"
# The mounts end with this process: they are made in a name space of its own.
exec unshare --mount sh -c '
    mount --bind "$1" "$2/src" && mount -t proc proc "$2/proc" && mount --bind /dev "$2/dev" &&
    exec chroot "$2" sh /src/tests/pythons/run.sh "/src/$3" /out "/usr/bin/$4"' sh "$here" "$root" "$wheel" "$python"
