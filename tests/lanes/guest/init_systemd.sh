#!/bin/sh
# Before systemd starts as PID 1 of the systemd lane: the unit that runs the tests, and nothing that
# the machine has no use for. The root's file system is new at every boot.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
cat > /etc/systemd/system/lane.service <<'UNIT'
[Unit]
Description=The tests of this lane
After=dbus.service systemd-logind.service basic.target
Wants=dbus.service systemd-logind.service

[Service]
Type=oneshot
ExecStart=/lane/tests/lanes/guest/test_run.sh
ExecStopPost=/usr/bin/systemctl --no-block poweroff --force --force
Environment=CATENA_LANE=systemd
StandardOutput=tty
StandardError=tty
TTYPath=/dev/ttyS0
TimeoutStartSec=infinity
Delegate=no
UNIT
cat > /etc/systemd/system/lane.target <<'UNIT'
[Unit]
Description=Tests, then off
Requires=basic.target lane.service
AllowIsolate=yes
UNIT
for unit in systemd-networkd systemd-resolved systemd-timesyncd apt-daily.timer \
  apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer getty@tty1 \
  serial-getty@ttyS0 systemd-hwdb-update; do
  case $unit in *.timer) ;; *) unit=$unit.service ;; esac
  ln -sf /dev/null "/etc/systemd/system/$unit"
done
printf 'overlay\nveth\nbridge\nbr_netfilter\n' > /etc/modules-load.d/lane.conf
echo lane > /etc/hostname
echo '/dev/vda / ext4 defaults 0 0' > /etc/fstab
exec /lib/systemd/systemd --unit=lane.target --show-status=no --log-target=kmsg --log-level=warning
