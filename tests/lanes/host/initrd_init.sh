#!/bin/busybox sh
# Mounts the system (vda, writes are thrown away) and what is tested (vdb, read-only), and becomes
# the PID 1 that the kernel's command line names with lane.init.
b=/bin/busybox
$b mount -t proc proc /proc
$b mount -t devtmpfs dev /dev
for module in /modules/*; do $b insmod "$module"; done
tries=0
while [ ! -b /dev/vdc ] && [ $tries -lt 100 ]; do $b sleep 0.1; tries=$((tries + 1)); done
$b mount -t ext4 /dev/vda /system && $b mount -t ext4 -o ro /dev/vdb /system/lane || {
  echo "lane: the disks cannot be mounted"
  $b poweroff -f
}
for word in $($b cat /proc/cmdline); do
  case $word in lane.init=*) init=${word#lane.init=} ;; esac
done
$b umount /dev /proc
exec $b switch_root /system "$init"
