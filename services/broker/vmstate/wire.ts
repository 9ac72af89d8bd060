/*
 * The migration stream of QEMU, version 3, big-endian, as the reader and the assembler share it.
 * Source: QEMU 7.2 migration/savevm.c (elements), migration/ram.c (RAM records), migration/vmstate.c (description).
 *
 *   "QEVM" 3 · configuration · { command | section + footer }* · device sections + footers · EOF · description
 */

export const MAGIC = 0x5145564d;
export const VERSION = 3;
export const PAGE_BYTES = 4096;
export const TARGET_PAGE_BITS = 12;
export const RAM_VERSION = 4;
export const RAM_SECTION = 'ram';
/** The block that holds the guest's memory on every pc machine. */
export const GUEST_MEMORY = 'pc.ram';

/** The first byte of an element. */
export const element = {
  eof: 0x00,
  start: 0x01,
  part: 0x02,
  end: 0x03,
  full: 0x04,
  subsection: 0x05,
  description: 0x06,
  configuration: 0x07,
  command: 0x08,
  footer: 0x7e,
} as const;

/** The low bits of a RAM record's first word; the rest of it is the page's address in its block. */
export const ramFlag = {
  zero: 0x002,
  memorySize: 0x004,
  page: 0x008,
  end: 0x010,
  continued: 0x020,
} as const;

export const command = { openReturnPath: 1, ping: 2 } as const;

/** What the far end says on the return path: SHUT, with 0 for kept and 1 for failed. */
export const shut = (status: 0 | 1): Buffer => Buffer.from([0, 1, 0, 4, 0, 0, 0, status]);

/** Bounds on what a stream may hold, beside limits.deviceStateBytes. */
export const bounds = {
  blocks: 256,
  devices: 4096,
  machineNameBytes: 32,
  descriptionBytes: 8 * 1024 * 1024,
  descriptionDepth: 32,
  /** A running guest sends pages again: this many times its memory, no more. */
  passes: 16,
} as const;

/** A block of guest-visible memory, by QEMU's name for it. */
export interface Block {
  readonly name: string;
  /** A whole number of pages. */
  readonly bytes: number;
}
