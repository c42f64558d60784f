#!/usr/bin/env bash
# A network of its own with one camera on it, in which a command runs: nothing of it is left, and nothing leaves it.
# Usage: network.sh PYTHON RTSP_PORT CAMERA_SIM SOURCE COMMAND...
set -euo pipefail
if [ "${IN_NETWORK:-}" != 1 ]; then
    IN_NETWORK=1 exec unshare --map-root-user --net --pid --fork --kill-child "$0" "$@"
fi
python=$1 port=$2 camera_sim=$3 source=$4
shift 4
here=$(cd "$(dirname "$0")" && pwd)
ip link set lo up multicast on
ip address add 10.77.0.1/24 dev lo
ip route add 224.0.0.0/4 dev lo
"$camera_sim" serve --port "$port" "door=$source" >&2 &
coproc "$python" "$here/camera.py" 10.77.0.1 8099 "rtsp://127.0.0.1:$port/door" 2>/dev/null
read -r ready <&"${COPROC[0]}"
[ "$ready" = ready ]
until (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do :; done
"$@"
