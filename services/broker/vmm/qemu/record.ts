import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { imageName, vmName } from '../../../../shared/ids.ts';
import { limits } from '../../../../shared/limits.ts';
import {
  check,
  fields,
  flag,
  integer,
  list,
  literal,
  maybe,
  oneOf,
  pattern,
  type Shape,
} from '../../../../shared/schema/schema.ts';
import { accelerator } from '../../../../shared/vm/spec.ts';

/** A disk as QEMU knows it. */
const disk = fields({
  image: imageName,
  format: oneOf(['raw', 'qcow2']),
  /** The node of the format; its file's is the same with `-file`. */
  node: pattern(/^disk[0-9]+$/, 16, 'the name of a disk node'),
  readonly: flag(),
  backed: flag(),
});

/** What a broker has to know of a QEMU that an earlier broker started. */
const launchRecord = fields({
  version: literal(1),
  vm: vmName,
  pid: integer(2, 2 ** 31),
  startTime: pattern(/^[0-9]+$/, 20, 'a number of clock ticks'),
  accelerator,
  origin: oneOf(['boot', 'incoming', 'restore']),
  /** The descriptor, in QEMU's numbering, that holds the device state of a restore. */
  devicesFd: maybe(integer(3, 1024)),
  /** Where this launch's words begin in the log. */
  logOffset: integer(0, Number.MAX_SAFE_INTEGER),
  disks: list(disk, limits.imagesPerVm),
});
export type LaunchRecord = Shape<typeof launchRecord>;
export type RecordedDisk = Shape<typeof disk>;

/** Writes the record in one piece. Synchronous, so that no event comes between the spawn and its record. */
export function writeRecord(path: string, record: LaunchRecord): void {
  writeFileSync(`${path}.new`, JSON.stringify(record), { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

/** The record at `path`, or nothing where there is none or it is not one. */
export function readRecord(path: string): LaunchRecord | undefined {
  try {
    const bytes = readFileSync(path);
    if (bytes.length > limits.configFileBytes) return undefined;
    const checked = check(launchRecord, JSON.parse(bytes.toString('utf8')));
    return checked.ok ? checked.value : undefined;
  } catch {
    return undefined;
  }
}
