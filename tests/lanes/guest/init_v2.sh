#!/bin/busybox sh
# PID 1 of the v2 lane: cgroup2 as systemd mounts it, the modules that containers need, the tests,
# and off. It starts as the machine's only process and reaps what loses its parent.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb CATENA_LANE=v2
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm /dev/mqueue /dev/hugepages
mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts
mount -t tmpfs -o mode=1777 shm /dev/shm
mount -t mqueue mqueue /dev/mqueue
mount -t hugetlbfs hugepages /dev/hugepages
mount -t tmpfs -o mode=755 run /run
mount -t bpf bpf /sys/fs/bpf
mount -t cgroup2 -o nosuid,nodev,noexec,nsdelegate,memory_recursiveprot cgroup2 /sys/fs/cgroup
mkdir -p /run/lock
ln -sf /proc/self/fd /dev/fd
mount --make-rshared /
for controller in $(cat /sys/fs/cgroup/cgroup.controllers); do
  echo "+$controller" > /sys/fs/cgroup/cgroup.subtree_control
done
for module in overlay veth bridge br_netfilter fuse dummy bfq loop; do modprobe -q $module; done
ip link set lo up
hostname lane
# No daemon of a real host is in the root cgroup, which has no limits to look at.
mkdir /sys/fs/cgroup/lane.service
echo $$ > /sys/fs/cgroup/lane.service/cgroup.procs
/lane/tests/lanes/guest/test_run.sh
poweroff -f
