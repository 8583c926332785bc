#!/bin/bash
# Runs inside namespaces that vanish with their last process, and everything made here with them.
#
#   inside.sh network KEEPER SUITE              hold a switch that this machine and the engines hang on; print its number
#   inside.sh join SWITCH ADDRESS/BITS SUITE NAME CMD...   put a cable from a new network namespace to the switch, then:
#   inside.sh machine SUITE NAME CMD...         look like a machine that has the suite's programs, then run CMD
#   inside.sh programs SUITE CMD...             only the suite's programs
#   inside.sh daemon SUITE CMD...               those and a /run of its own
#   inside.sh plugin SUITE LIB CMD...           those and LIB as /var/lib
#   inside.sh user UID HOME CGROUP CMD...       CMD is going to be a user who gives other users to his containers
#   inside.sh tool SUITE LIB CMD...             those too, the suite's settings, and nothing written to /etc or /run stays
#
# The suite's tree is put on /usr of a private mount namespace: each program finds its own libraries, and every other
# path is this machine's, so that bind mounts and sockets work. The switch is not in this machine's network namespace,
# so that firewall rules for bridged packets (those of an engine installed here, say) do not apply to it.
set -euo pipefail

what=$1
shift

programs() { # SUITE: from here on /usr is the suite's
  export PATH=/usr/sbin:/usr/bin:/sbin:/bin
  mount --bind "$1/usr" /usr
}

case $what in
  network)
    keeper=$1 suite=$2
    programs "$suite"
    ip link set lo up
    ip link add lan type bridge
    ip link set lan up
    # The name of this machine's end is the lock on its sixteen addresses, and nobody can forget to unlock it.
    for number in {0..15}; do
      if ip link add machine type veth peer name "efc-$number" netns "$keeper" 2>/dev/null; then
        ip link set machine master lan up
        for host in 1 14; do # this machine's, and that of what an engine is not to trust blindly
          nsenter --target "$keeper" --net ip addr add "203.0.113.$((number * 16 + host))/28" dev "efc-$number"
        done
        nsenter --target "$keeper" --net ip link set "efc-$number" up
        echo "$number"
        exec sleep infinity
      fi
    done
    echo "all sixteen networks efc-0 to efc-15 are in use, or this machine allows none" >&2
    exit 1
    ;;
  join)
    switch=$1 address=$2 suite=$3 name=$4
    (
      programs "$suite"
      ip link set lo up
      ip link add eth0 type veth peer name "${name:0:15}" netns "$switch" # no link has a longer one
      ip addr add "$address" dev eth0
      ip link set eth0 up
      nsenter --target "$switch" --net ip link set "${name:0:15}" master lan up
      umount -l /usr
    )
    shift 2
    exec unshare --mount --uts --ipc --pid --fork --kill-child --mount-proc --propagation private \
      bash "$0" machine "$@"
    ;;
  machine)
    suite=$1 name=$2
    shift 2
    echo "$name" >/proc/sys/kernel/hostname
    mount -t tmpfs -o mode=755 tmpfs /run
    mount -t tmpfs -o mode=1777 tmpfs /dev/shm
    mkdir -p /run/efc/{cgroup,etc,work,lib} /run/lock
    # A sysfs that shows this network namespace; it would hide the cgroups.
    mount --rbind /sys/fs/cgroup /run/efc/cgroup
    mount -t sysfs sysfs /sys
    mount --rbind /run/efc/cgroup /sys/fs/cgroup
    umount -l /run/efc/cgroup
    mount -t overlay -o "lowerdir=$suite/etc:/etc,upperdir=/run/efc/etc,workdir=/run/efc/work" overlay /etc
    mount --bind /run/efc/lib /var/lib
    if [ -n "${EFC_CERTS:-}" ]; then # whose certificates the engine takes, by address
      mkdir -p /etc/docker/certs.d /etc/containers/certs.d
      for folder in /etc/{docker,containers}/certs.d; do mount --bind "$EFC_CERTS" "$folder"; done
    fi
    programs "$suite"
    cd /
    exec "$@"
    ;;
  programs)
    programs "$1"
    shift
    exec "$@"
    ;;
  daemon)
    mount -t tmpfs -o mode=755 tmpfs /run
    programs "$1"
    shift
    exec "$@"
    ;;
  plugin)
    mount --bind "$2" /var/lib
    programs "$1"
    shift 2
    exec "$@"
    ;;
  user)
    uid=$1 home=$2 cgroup=$3
    shift 3
    mkdir -p /run/efc/user/{etc,work}
    mount -t overlay -o lowerdir=/etc,upperdir=/run/efc/user/etc,workdir=/run/efc/user/work overlay /etc
    # Where his containers' users are, root is he too; of two entries the first counts.
    printf '%s:x:%s::%s:/bin/sh\n' root 0:0 "$home" efc "$uid:$uid" "$home" >/run/efc/user/passwd
    cat /etc/passwd >>/run/efc/user/passwd
    cat /run/efc/user/passwd >/etc/passwd
    echo "efc:x:$uid:" >>/etc/group
    for file in subuid subgid; do echo "efc:$((uid + 10000)):65536" >>"/etc/$file"; done
    if [ -e /dev/net/tun ]; then # what makes a network without root; it is root's on some machines
      mknod -m 666 /run/efc/user/tun c 10 200
      mount --bind /run/efc/user/tun /dev/net/tun
    fi
    for hierarchy in /sys/fs/cgroup/pids /sys/fs/cgroup; do
      if [ -e "$hierarchy/cgroup.procs" ]; then
        mkdir "$hierarchy/$cgroup"
        echo $$ >"$hierarchy/$cgroup/cgroup.procs"
        break
      fi
    done
    exec "$@"
    ;;
  tool)
    # This machine's own files count, the suite's are for what it lacks, and what is written goes with the program.
    mount -t tmpfs -o mode=755 tmpfs "$2/written"
    mkdir "$2"/written/{etc,run}{,.work}
    mount -t overlay -o "lowerdir=/etc:$1/etc,upperdir=$2/written/etc,workdir=$2/written/etc.work" overlay /etc
    mount -t overlay -o "lowerdir=/run,upperdir=$2/written/run,workdir=$2/written/run.work" overlay /run
    mount --bind "$2" /var/lib
    programs "$1"
    shift 2
    exec "$@"
    ;;
esac
