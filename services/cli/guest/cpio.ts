/** A file, a directory, a symbolic link or a character device of an archive. `mode` holds the permission bits. */
export type CpioEntry =
  | { readonly path: string; readonly mode: number; readonly data: Uint8Array }
  | { readonly path: string; readonly mode: number; readonly directory: true }
  | { readonly path: string; readonly mode: number; readonly link: string }
  | {
      readonly path: string;
      readonly mode: number;
      readonly device: { readonly major: number; readonly minor: number };
    };

const typeFile = 0o100000;
const typeDirectory = 0o040000;
const typeLink = 0o120000;
const typeCharacterDevice = 0o020000;

/**
 * Writes a cpio archive in the `newc` form, which is what Linux takes as an initramfs: per entry a header of 13 fields
 * of eight hex digits, the name with a NUL, the bytes, each padded to four. Everything belongs to root, with no time,
 * so that equal entries give equal bytes. Format: Linux, Documentation/driver-api/early-userspace/buffer-format.rst.
 */
export function cpioArchive(entries: readonly CpioEntry[]): Buffer {
  const parts = entries.map((entry, index) => record(entry, index + 1));
  return Buffer.concat([...parts, record({ path: 'TRAILER!!!', mode: 0, data: new Uint8Array() }, 0)]);
}

function record(entry: CpioEntry, inode: number): Buffer {
  const name = Buffer.from(`${entry.path}\0`);
  const data = 'data' in entry ? entry.data : Buffer.from('link' in entry ? entry.link : '');
  const device = 'device' in entry ? entry.device : { major: 0, minor: 0 };
  const fields = [
    inode,
    inode === 0 ? 0 : typeOf(entry) | entry.mode,
    0,
    0,
    1,
    0,
    data.length,
    0,
    0,
    device.major,
    device.minor,
    name.length,
    0,
  ];
  const header = Buffer.from(`070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`, 'latin1');
  return Buffer.concat([padded(Buffer.concat([header, name])), padded(data)]);
}

function typeOf(entry: CpioEntry): number {
  if ('data' in entry) return typeFile;
  if ('link' in entry) return typeLink;
  return 'device' in entry ? typeCharacterDevice : typeDirectory;
}

const padded = (bytes: Uint8Array): Buffer => Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
