#!/bin/bash
# Makes a Debian 12 that has the release in /opt/gas and /etc/gas/server.env one of GAS's servers, and ends with 0 as soon
# as the server is ready. The launch template runs it, with the variables of server.env. It may be run again.
set -euo pipefail

code=/opt/gas
packs=/var/lib/gas/packs
units=/etc/systemd/system
log=/var/log/gas/gas.log
agent=/opt/aws/amazon-cloudwatch-agent
ready_tries=150 # two seconds each
export DEBIAN_FRONTEND=noninteractive

# Sends the log to CloudWatch, by Amazon's own agent. Fails within four minutes where that is out of reach.
ship_log() {
    local package=/opt/amazon-cloudwatch-agent.deb
    local bucket="amazoncloudwatch-agent-$GAS_REGION.s3.$GAS_REGION.amazonaws.com"
    timeout 60 python3 -c "
import shutil, sys, urllib.request
with urllib.request.urlopen(sys.argv[1], timeout=10) as answer, open(sys.argv[2], 'wb') as file:
    shutil.copyfileobj(answer, file)" "https://$bucket/debian/amd64/latest/amazon-cloudwatch-agent.deb" "$package" &&
        timeout 120 apt-get -o DPkg::Lock::Timeout=60 install -y -qq "$package" &&
        rm "$package" &&
        chgrp cwagent "${log%/*}" "$log" && # the user that the package makes, who may read what it sends
        cat >"$agent/etc/gas.json" <<END &&
{
  "agent": {"run_as_user": "cwagent"},
  "logs": {
    "logs_collected": {
      "files": {
        "collect_list": [
          {"file_path": "$log", "log_group_name": "$GAS_LOG_GROUP", "log_stream_name": "{instance_id}"}
        ]
      }
    }
  }
}
END
        timeout 60 "$agent/bin/amazon-cloudwatch-agent-ctl" -a fetch-config -m ec2 -s -c "file:$agent/etc/gas.json"
}

missing=()
python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
command -v logrotate >/dev/null || missing+=(logrotate)
if ((${#missing[@]})); then
    apt-get -o DPkg::Lock::Timeout=300 update -qq
    apt-get -o DPkg::Lock::Timeout=300 install -y -qq "${missing[@]}"
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

# Before the server: systemd would make a log that root alone reads.
install -d -m 750 "${log%/*}"
[ -e "$log" ] || install -m 640 /dev/null "$log"
install -m 644 "$code/deploy/servers/logrotate.conf" /etc/logrotate.d/gas

install -m 644 "$code/deploy/servers/systemd/gas.service" "$code/deploy/servers/systemd/gas-lifecycle.service" "$units"
systemctl daemon-reload
systemctl enable --quiet gas.service
systemctl restart --no-block gas.service # what it needs may not be there at its first try
if [ -n "${GAS_LIFECYCLE_HOOK:-}" ]; then
    systemctl enable --quiet --now gas-lifecycle.service
fi

# Before it is known whether the server gets ready: if it does not, its log says why.
ship_log || echo "The log of $GAS_SERVER is not sent to CloudWatch: see above. It is in $log on this machine alone." >&2

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
tail --lines=50 "$log" >&2
journalctl --unit gas.service --lines 10 --no-pager --output cat >&2 # systemd's own words
exit 1
