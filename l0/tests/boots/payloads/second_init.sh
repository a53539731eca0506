#!/bin/sh
# The first process when a second archive is given to linux-kvm with rdinit=/second-init. It lies in that second archive, and
# uses what lies in the first. Tells what Linux's KVM found of the processor that it was offered.
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev 2>/dev/null
mkdir -p /tmp
for name in sha256-ssse3 irqbypass kvm kvm-intel; do insmod /lib/modules/$name.ko; done
echo "second: both archives are here, the command line is $(cat /proc/cmdline)"
for name in ept vpid unrestricted_guest; do
    echo "second: kvm_intel $name=$(cat /sys/module/kvm_intel/parameters/$name)"
done
probe && echo "second: the probe has measured everything"
probe drain
exec busybox poweroff -f
