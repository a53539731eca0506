#!/bin/sh
# The first process of the boot tests of kurma-ctl: lies in a second archive, uses what lies in linux-kvm's. Says each command
# before its output, and its status after it.
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev 2>/dev/null

say() {
    echo "ctl: $*"
    "$@" 2>&1
    echo "ctl: status $?"
}

say kurma-ctl list
say kurma-ctl get
say kurma-ctl get trace
say kurma-ctl set ept02_keep=5
say kurma-ctl get ept02_keep
say kurma-ctl set ept02_keep=9
say kurma-ctl set offer.ept=off
say kurma-ctl set nosuch=1
say kurma-ctl get nosuch
say kurma-ctl set "$(head -c 200 /dev/zero | tr "\0" x)"
say kurma-ctl trace maybe
say kurma-ctl turns
say kurma-ctl stats
say kurma-ctl stats --json
say kurma-ctl set trace=off
say kurma-ctl reset
say kurma-ctl stats
say kurma-ctl trace off
say kurma-ctl reset
say kurma-ctl stats
# Any user's right, not only root's.
say su -s /bin/sh nobody -c "kurma-ctl trace on"
say kurma-ctl reset
say kurma-ctl turns
say kurma-ctl turns --json
probe drain
exec busybox poweroff -f
