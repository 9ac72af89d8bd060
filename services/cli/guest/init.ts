/** The byte of the disk at which the guest keeps its counter: past what a partition table or a boot sector would use. */
export const counterOffset = 1024 * 1024;

/** Disks are read and written by sectors of this many bytes; the counter is in one. */
export const sectorBytes = 512;

/**
 * What the guest prints, twice a second, and then writes to the disk: `carnet-guest boot=UUID count=N disk=M`. M is the count that
 * stood on the disk before. While memory and disk belong together it is N - 1, and 0 on a disk that is new.
 */
export const counterLine = /carnet-guest boot=([0-9a-f-]{36}) count=([0-9]+) disk=([0-9]+)\r?$/m;

/** Where the guest notes that it is to power down. */
const powerFile = '/power-down';

/**
 * The guest's first process. The boot id and the counter live in the shell's memory only: a guest that was restored or
 * migrated goes on counting under the same boot id, one that was booted anew does not. What is on the disk is read past
 * the guest's own cache, which is memory and comes along with it. Kernel parameter `carnet.dirty=N` keeps N MiB of
 * memory changing. Asked to power down, it finishes its round first, so that what it printed last is on the disk.
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
sector="bs=${sectorBytes} count=1"
count=0
while [ ! -e ${powerFile} ]; do
  count=$((count + 1))
  disk=0
  if [ -b /dev/vda ]; then
    disk=$(dd if=/dev/vda $sector skip=${counterOffset / sectorBytes} iflag=direct 2>/dev/null)
    disk=\${disk#*count=}
    disk=\${disk%% *}
    case $disk in '' | *[!0-9]*) disk=0 ;; esac
  fi
  line="carnet-guest boot=$boot count=$count disk=$disk"
  echo "$line"
  if [ -b /dev/vda ]; then
    echo "$line" | dd of=/dev/vda $sector seek=${counterOffset / sectorBytes} conv=notrunc,fsync 2>/dev/null
  fi
  sleep 0.5
done
echo carnet-guest powers down
poweroff -f
`;

/** What acpid runs when the power button is pressed, which is how a VM is asked to power down. */
export const powerScript = `#!/bin/sh
: >${powerFile}
`;
