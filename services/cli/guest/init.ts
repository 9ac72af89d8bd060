/** The byte of the disk at which the guest keeps its counter: past what a partition table or a boot sector would use. */
export const counterOffset = 1024 * 1024;

/** What the guest prints, twice a second: `carnet-guest boot=UUID count=N`. */
export const counterLine = /carnet-guest boot=([0-9a-f-]{36}) count=([0-9]+)/;

/**
 * The guest's first process. The boot id and the counter live in the shell's memory only: a guest that was restored or
 * migrated goes on counting under the same boot id, one that was booted anew does not. Kernel parameter
 * `carnet.dirty=N` keeps N MiB of memory changing.
 */
export const initScript = `#!/bin/sh
export PATH=/bin
mount -t devtmpfs dev /dev
exec </dev/console >/dev/console 2>&1
mount -t proc proc /proc
mount -t sysfs sys /sys
for module in /modules/*; do insmod $module; done
read boot </proc/sys/kernel/random/uuid
dirty=
for word in $(cat /proc/cmdline); do
  case $word in carnet.dirty=*) dirty=\${word#carnet.dirty=} ;; esac
done
if [ -n "$dirty" ]; then
  (while :; do dd if=/dev/urandom of=/dirty bs=1048576 count="$dirty" conv=notrunc; done) 2>/dev/null &
fi
acpid -l /dev/null
count=0
while :; do
  count=$((count + 1))
  line="carnet-guest boot=$boot count=$count"
  echo "$line"
  if [ -b /dev/vda ]; then
    echo "$line" | dd of=/dev/vda bs=512 seek=${counterOffset / 512} conv=notrunc,fsync 2>/dev/null
  fi
  sleep 0.5
done
`;

/** What acpid runs when the power button is pressed, which is how a VM is asked to power down. */
export const powerScript = `#!/bin/sh
echo carnet-guest powers down
/bin/poweroff -f
`;
