#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# rig.sh - N independent Docker Engines ("hosts") on one VM, optionally one Swarm.
#
#   rig.sh up [N]        hosts h1..hN (default 3), swarm, attachable overlay "ov"
#   rig.sh engines [N]   hosts only, no swarm
#   rig.sh status
#   rig.sh stop-engine hN | start-engine hN     graceful dockerd stop / start
#   rig.sh kill-host hN  | boot-host hN         power failure / boot (same disk)
#   rig.sh cut hN | heal hN                     unplug / replug its cable
#   rig.sh cable hN MTU                         packets above it get lost on the way to hN
#   rig.sh sshd hN                              sshd in hN (key: $RIG/ssh/id)
#   rig.sh in hN CMD...                         run CMD inside that host
#   rig.sh down          everything away again
#
# A host = its own net, mount, uts, ipc and pid namespaces, held by one tini
# process.  Ending that process ends every process of the host and with them
# all its mounts, so a "power failure" and a clean teardown are one kill.
set -euo pipefail
RIG=${RIG:-${TMPDIR:-/tmp}/rig}; ST=$RIG/state; SUB=${RIG_SUB:-10.99.0}
OV=${RIG_OV:-ov}; OVSUB=${RIG_OVSUB:-10.88.0.0/16}; OVGW=${RIG_OVGW:-10.88.0.1}
OVRANGE=${RIG_OVRANGE:-10.88.255.0/24}      # what swarm hands out itself; static IPs: outside it
IMG=${RIG_IMG:-tpaexec/debian-systemd:12}; TAG=${RIG_TAG:-rig}; SW=${TAG}sw
V1="cpu cpuacct cpuset memory blkio pids freezer devices systemd"
log() { printf '%s rig: %s\n' "$(date +%H:%M:%S.%3N)" "$*" >&2; }
hosts() { ls "$ST/hosts" 2>/dev/null | sort -V; }
hpid() { cat "$ST/hosts/$1/init.pid"; }
inhost() { local h=$1; shift; nsenter -t "$(hpid "$h")" -m -u -i -n -p -- "$@"; }
D() { local h=$1; shift; env -u DOCKER_HOST -u DOCKER_CONTEXT docker -H "unix://$ST/hosts/$h/docker.sock" "$@"; }
now() { date +%s.%N; }

net_up() {                         # a switch: bridge in its own netns, so that the
  ip netns add $SW                 # VM's iptables (FORWARD DROP) never sees bridged frames
  ip netns exec $SW sysctl -qw net.ipv6.conf.all.disable_ipv6=1
  ip -n $SW link add br0 type bridge; ip -n $SW link set br0 up; ip -n $SW link set lo up
  ip link add ${TAG}ctl type veth peer name ctl netns $SW      # the controller's own port
  ip -n $SW link set ctl master br0; ip -n $SW link set ctl up
  ip addr add $SUB.254/24 dev ${TAG}ctl; ip link set ${TAG}ctl up
}
plug() {                           # the namespace and cable of host $1
  local h=$1 n=${1#h}
  ip netns add "$TAG$h"
  ip link add eth0 netns "$TAG$h" type veth peer name "p$h" netns $SW
  ip -n $SW link set "p$h" master br0; ip -n $SW link set "p$h" up
  ip -n "$TAG$h" addr add "$SUB.$n/24" dev eth0
  ip -n "$TAG$h" link set lo up; ip -n "$TAG$h" link set eth0 up
}
boot() {
  local h=$1 d=$ST/hosts/$1; mkdir -p "$d/data" "$d/etcdocker"
  local c; for c in $V1; do mkdir -p "/sys/fs/cgroup/$c/$TAG/$h"; done
  for c in $TAG $TAG/$h; do          # cpuset children start empty on v1
    for f in cpuset.cpus cpuset.mems; do cat /sys/fs/cgroup/cpuset/$f > /sys/fs/cgroup/cpuset/$c/$f; done; done
  rm -f "$d/init.pid" "$d/docker.sock"
  ( for c in $V1; do echo $BASHPID > "/sys/fs/cgroup/$c/$TAG/$h/cgroup.procs"; done
    exec setsid nsenter --net="/run/netns/$TAG$h" \
      unshare --mount --propagation private --uts --ipc --pid --fork --mount-proc \
      bash -c '
        set -e; h=$1 d=$2
        hostname "$h"
        mount -t tmpfs -o mode=755,size=256m tmpfs /run; mkdir -p /run/lock /run/sshd
        mkdir -p /run/.cg; mount --rbind /sys/fs/cgroup /run/.cg      # sysfs of this netns,
        umount -R -l /sys 2>/dev/null || true; mount -t sysfs sysfs /sys
        mount --rbind /run/.cg /sys/fs/cgroup; umount -R -l /run/.cg  # with the cgroups kept
        mkdir -p /etc/docker; mount --bind "$d/etcdocker" /etc/docker # own engine key
        exec tini -s -- sleep infinity' host "$h" "$d" ) </dev/null >"$d/host.log" 2>&1 &
  local up=$! i; disown
  for i in $(seq 100); do          # the pid-namespace init, as seen from outside
    c=$(cat /proc/$up/task/$up/children 2>/dev/null | tr -d ' ') || true
    if [ -n "$c" ] && tr '\0' ' ' < "/proc/$c/cmdline" | grep -q '^tini '; then echo "$c" > "$d/init.pid"; echo "$up" > "$d/unshare.pid"; break; fi
    sleep 0.02; done
  [ -s "$d/init.pid" ] || { log "$h did not boot"; cat "$d/host.log" >&2; return 1; }
  echo "$h" >/dev/null
}
engine_start() {
  local h=$1 d=$ST/hosts/$1 n=${1#h} c
  ( for c in $V1; do echo $BASHPID > "/sys/fs/cgroup/$c/$TAG/$h/cgroup.procs"; done
    exec setsid nsenter -t "$(hpid "$h")" -m -u -i -n -p -- \
    dockerd --data-root "$d/data" --exec-root /run/docker --pidfile /run/docker.pid \
    -H unix:///run/docker.sock -H "unix://$d/docker.sock" \
    $(engine_tcp "$h") --cgroup-parent "/$TAG/$h/c" --storage-driver overlay2 \
    --default-address-pool base=172.$((40+n)).0.0/16,size=24 \
    --dns "${RIG_DNS:-$SUB.254}" ${RIG_DOCKERD_ARGS:-} )   </dev/null >>"$d/dockerd.log" 2>&1 &
  disown
}
engine_tcp() {
  local h=$1 n=${1#h} d=$ST/hosts/$1
  if [ "${RIG_TLS:-1}" = 1 ]; then
    [ -f "$d/cert.pem" ] || certs "$h"
    echo "-H tcp://$SUB.$n:2376 --tlsverify --tlscacert $ST/ca/ca.pem --tlscert $d/cert.pem --tlskey $d/key.pem"
  else echo "-H tcp://$SUB.$n:2375 --tls=false"; fi
}
engine_wait() {
  local h=$1 i; for i in $(seq 600); do D "$h" version >/dev/null 2>&1 && return 0; sleep 0.1; done
  log "$h: engine not up"; tail -20 "$ST/hosts/$h/dockerd.log" >&2; return 1
}
engine_stop() {
  local h=$1 p i; p=$(inhost "$h" cat /run/docker.pid 2>/dev/null) || return 0
  inhost "$h" kill -TERM "$p" || true
  for i in $(seq 400); do inhost "$h" test -d "/proc/$p" || return 0; sleep 0.1; done
  log "$h: dockerd still there after 40 s"; return 1
}
certs() {
  local h=$1 n=${1#h} d=$ST/hosts/$1 ca=$ST/ca; mkdir -p "$ca" "$d"
  ( exec 9>"$ST/ca.lock"; flock 9
    [ -f "$ca/ca.pem" ] || { openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 \
        -subj /CN=rig-ca -keyout "$ca/ca-key.pem" -out "$ca/ca.pem" 2>/dev/null
      openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=client -keyout "$ca/key.pem" -out "$ca/c.csr" 2>/dev/null
      openssl x509 -req -in "$ca/c.csr" -CA "$ca/ca.pem" -CAkey "$ca/ca-key.pem" -CAcreateserial -days 30 \
        -extfile <(echo extendedKeyUsage=clientAuth) -out "$ca/cert.pem" 2>/dev/null; }
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$h" -keyout "$d/key.pem" -out "$d/s.csr" 2>/dev/null
    openssl x509 -req -in "$d/s.csr" -CA "$ca/ca.pem" -CAkey "$ca/ca-key.pem" -CAcreateserial -days 30 \
      -extfile <(printf 'subjectAltName=DNS:%s,IP:%s.%s,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n' "$h" "$SUB" "$n") \
      -out "$d/cert.pem" 2>/dev/null )
}
host_kill() {                      # power failure: SIGKILL the pid-namespace init
  local h=$1 p i; p=$(hpid "$h" 2>/dev/null) || return 0
  [ "$(tr '\0' ' ' < /proc/$p/cmdline 2>/dev/null)" = "tini -s -- sleep infinity " ] || return 0
  kill -KILL "$p"; for i in $(seq 200); do [ -d /proc/$p ] || break; sleep 0.05; done
  rm -f "$ST/hosts/$h/init.pid" "$ST/hosts/$h/docker.sock"
}
wipe_cgroups() { local c i
  for c in $V1 unified; do [ -d "/sys/fs/cgroup/$c/$1" ] || continue
    for i in 1 2 3 4 5 6 7 8 9 10; do find "/sys/fs/cgroup/$c/$1" -depth -type d -exec rmdir {} + 2>/dev/null || true
      [ -d "/sys/fs/cgroup/$c/$1" ] || break; sleep 0.1; done; done; }
engines() {
  local n=${1:-3} i t0 t1; [ -d "$ST" ] && { log "already up (rig.sh down first)"; exit 1; }
  mkdir -p "$ST/hosts"; t0=$(now); net_up
  for i in $(seq "$n"); do mkdir -p "$ST/hosts/h$i"; plug "h$i"; boot "h$i"; done
  t1=$(now); for i in $(seq "$n"); do engine_start "h$i"; done
  for i in $(seq "$n"); do engine_wait "h$i"; done
  log "$n hosts booted in $(echo "$t1-$t0" | bc) s, engines answered $(echo "$(now)-$t1" | bc) s later"
  if [ "${RIG_LOAD:-1}" = 1 ]; then
    [ -f "$RIG/img.tar" ] || env -u DOCKER_HOST docker save "$IMG" -o "$RIG/img.tar"
    t1=$(now); local ps=()
    for i in $(seq "$n"); do D "h$i" load -q -i "$RIG/img.tar" >/dev/null & ps+=($!); done; wait "${ps[@]}"
    log "image loaded into $n engines in $(echo "$(now)-$t1" | bc) s"
  fi
}
swarm() {
  local t h tok; t=$(now)
  D h1 swarm init --advertise-addr "$SUB.1" --listen-addr "$SUB.1:2377" --task-history-limit 1 >/dev/null
  tok=$(D h1 swarm join-token -q "${RIG_ROLE:-worker}")
  for h in $(hosts); do [ "$h" = h1 ] || D "$h" swarm join --token "$tok" --advertise-addr "$SUB.${h#h}" "$SUB.1:2377" >/dev/null; done
  D h1 network create -d overlay --attachable --subnet "$OVSUB" --gateway "$OVGW" --ip-range "$OVRANGE" "$OV" >/dev/null
  log "swarm and overlay $OV in $(echo "$(now)-$t" | bc) s"
}
sshd_up() {
  local h=$1; mkdir -p "$RIG/ssh" "$ST/hosts/$h"; [ -f "$RIG/ssh/id" ] || ssh-keygen -q -t ed25519 -N '' -f "$RIG/ssh/id"
  local d=$ST/hosts/$h; [ -f "$d/hostkey" ] || ssh-keygen -q -t ed25519 -N '' -f "$d/hostkey"
  cp "$RIG/ssh/id.pub" "$d/authorized_keys"
  cat > "$d/sshd_config" <<E
ListenAddress $SUB.${h#h}
HostKey $d/hostkey
AuthorizedKeysFile $d/authorized_keys
StrictModes no
PermitRootLogin prohibit-password
PasswordAuthentication no
UsePAM no
MaxStartups 100
MaxSessions 100
PidFile /run/sshd.pid
Subsystem sftp internal-sftp
E
  local s; s=$(command -v sshd || true); [ -n "$s" ] || s=$RIG/tools/usr/sbin/sshd
  getent passwd sshd >/dev/null || { # privsep user, only inside this host's mount namespace
    cp /etc/passwd "$d/passwd"; echo 'sshd:x:64999:65534::/run/sshd:/usr/sbin/nologin' >> "$d/passwd"
    inhost "$h" mount --bind "$d/passwd" /etc/passwd; }
  inhost "$h" env LD_LIBRARY_PATH="$RIG/tools/usr/lib/x86_64-linux-gnu" "$s" -f "$d/sshd_config" -E "$d/sshd.log"
}
status() {
  local h; [ -d "$ST" ] || { echo "rig is down"; return; }
  for h in $(hosts); do
    local p v m sw; p=$(hpid "$h" 2>/dev/null || echo -)
    v=$(timeout 5 env -u DOCKER_HOST docker -H "unix://$ST/hosts/$h/docker.sock" info --format '{{.ServerVersion}} swarm={{.Swarm.LocalNodeState}} manager={{.Swarm.ControlAvailable}} running={{.ContainersRunning}}' 2>/dev/null || echo 'no engine')
    m=$(awk '$1=="total_rss"{printf "%.0f", $2/1048576}' "/sys/fs/cgroup/memory/$TAG/$h/memory.stat" 2>/dev/null || echo -)
    echo "$h init=$p rss=${m}MiB $v"; done
  D h1 node ls 2>/dev/null || true
}
down() {
  local h t; t=$(now)
  for h in $(hosts); do host_kill "$h"; done
  for h in $(hosts); do wipe_cgroups "$TAG/$h"; ip netns del "$TAG$h" 2>/dev/null || true; done
  wipe_cgroups "$TAG"
  ip link del ${TAG}ctl 2>/dev/null || true; ip netns del $SW 2>/dev/null || true
  local x; for x in $(losetup -n -O NAME,BACK-FILE 2>/dev/null | awk -v p="$ST/" 'index($2,p)==1{print $1}'); do losetup -d "$x" || true; done
  # Images are many small files: they go while others work.
  if [ -d "$ST" ]; then mv "$ST" "$RIG/gone.$$"; fi
  [ -n "${RIG_KEEP:-}" ] || rm -f "$RIG/img.tar"
  setsid rm -rf "$RIG"/gone.* </dev/null >/dev/null 2>&1 & disown
  log "down in $(echo "$(now)-$t" | bc) s"
}
case ${1:-} in
  up) engines "${2:-3}"; swarm ;;
  engines) engines "${2:-3}" ;;
  swarm) swarm ;;
  status) status ;;
  stop-engine) engine_stop "$2" ;;
  start-engine) engine_start "$2"; engine_wait "$2" ;;
  kill-host) host_kill "$2" ;;
  boot-host) boot "$2"; engine_start "$2"; engine_wait "$2" ;;
  cut) ip -n $SW link set "p$2" down ;;
  cable) ip -n $SW link set "p$2" mtu "$3" ;;
  heal) ip -n $SW link set "p$2" up ;;
  sshd) sshd_up "$2" ;;
  in) shift; inhost "$@" ;;
  d) shift; D "$@" ;;
  down) down ;;
  *) sed -n '3,19p' "$0"; exit 2 ;;
esac
