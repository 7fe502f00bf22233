#!/bin/bash
# Makes a Debian 12 that has the release in /opt/gas and /etc/gas/server.env one of GAS's servers, and ends with 0 as soon
# as the server is ready. The launch template runs it, with the variables of server.env. It may be run again.
set -euo pipefail

code=/opt/gas
packs=/var/lib/gas/packs
units=/etc/systemd/system
ready_tries=150 # two seconds each
export DEBIAN_FRONTEND=noninteractive

if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
    apt-get -o DPkg::Lock::Timeout=300 update -qq
    apt-get -o DPkg::Lock::Timeout=300 install -y -qq python3-venv
fi

id gas >/dev/null 2>&1 || useradd --system --user-group --home-dir /var/lib/gas --shell /usr/sbin/nologin gas

# All of it belongs to root: the server reads and runs it, and changes nothing.
rm -rf "$code/venv"
python3 -m venv "$code/venv"
"$code/venv/bin/pip" install --quiet --disable-pip-version-check --no-index --find-links "$code/wheels" \
    -r "$code/wheels/requirements.txt"
"$code/venv/bin/python" -m compileall -q -j 0 "$code"/{annotator_hook,cli,deploy,frontend,shared,util_hook}
chmod -R u=rwX,go=rX "$code"

install -d -m 755 /var/lib/gas "$packs"
if [ "$GAS_SERVER" = annotator_hook ]; then # those that somebody put there with `aws s3 sync`; often none
    aws s3 sync --no-progress --only-show-errors "s3://$GAS_ARTIFACTS_BUCKET/packs/" "$packs"
    chmod -R u=rwX,go=rX "$packs"
fi

install -m 644 "$code/deploy/servers/systemd/gas.service" "$code/deploy/servers/systemd/gas-lifecycle.service" "$units"
systemctl daemon-reload
systemctl enable --quiet gas.service
systemctl restart --no-block gas.service # what it needs may not be there at its first try
if [ -n "${GAS_LIFECYCLE_HOOK:-}" ]; then
    systemctl enable --quiet --now gas-lifecycle.service
fi

for ((try = 0; try < ready_tries; try++)); do
    if "$code/venv/bin/python" -c "
import sys, urllib.request
urllib.request.urlopen(sys.argv[1], timeout=5)" "http://127.0.0.1:$GAS_PORT/readyz" 2>/dev/null; then
        echo "$GAS_SERVER is ready."
        exit 0
    fi
    sleep 2
done
echo "$GAS_SERVER did not get ready. What it said:" >&2
journalctl --unit gas.service --lines 50 --no-pager --output cat >&2
exit 1
