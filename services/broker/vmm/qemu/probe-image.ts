/** What the probe's guest writes to the debug-exit port; QEMU ends with twice that and one. */
const answer = 0x21;
export const probeExitStatus = answer * 2 + 1;

/** Where a PC finds the last 64 KiB of its firmware below 1 MiB, and the size of it. */
const imageBytes = 0x10000;

/**
 * The guest of the probe, as machine code: it does in a few hundred instructions what makes a kernel's start hard for a
 * virtual machine monitor. Addresses in the comments are the image's; it lies at 0xf0000.
 */
const program = [
  // 000 real mode: interrupts off, the table of segments, protected mode
  'fa 2e660f01161801 0f20c0 0c01 0f22c0 66ea18000f000800',
  // 018 protected mode: segments and a stack
  '66b81000 8ed8 8ec0 8ed0 bc00700000',
  // 027 page tables: the first 2 MiB as they are, and the page of the local APIC
  'c7050010000003200000 c7050020000003300000 c7050030000083000000',
  'c7051820000003500000 c705b85f00009300e0fe',
  // 059 long mode: PAE, the page tables, EFER.LME, paging
  'b820000000 0f22e0 b800100000 0f22d8 b9800000c0 0f32 80cc01 0f30 0f20c0 0d00000080 0f22c0 ea87000f001800',
  // 087 the gate of interrupt 0x20
  'c7042500420000ed001800 c7042504420000008e0f00 0f011c251e010f00',
  // 0a5 the interrupt controller, with the timer alone let through
  'b011 e620 b020 e621 b004 e621 b001 e621 b0fe e621',
  // 0b9 the timer, once a millisecond
  'b034 e643 b0a9 e640 b004 e640',
  // 0c5 the local APIC: on, and passing the controller's interrupts
  'bf0000e0fe c787f0000000ff010000 c7875003000000070000',
  // 0de wait for five interrupts
  '31db fb f4 83fb05 72fa',
  // 0e7 say so: out 0xf4
  'b021 e6f4 fa f4',
  // 0ed an interrupt: count it, end it
  'ffc3 b020 e620 48cf 0f1f00',
  // 0f8 segments: none, code, data, 64-bit code
  '0000000000000000 ffff0000009acf00 ffff00000092cf00 ffff0000009aaf00',
  // 118 where they are; 11e where the gates are
  '1f00f8000f00 0f020040000000000000',
].join('');

/** A firmware image that runs `code` (hex, spaces ignored) from its start when the machine is reset. */
export function firmwareOf(code: string): Buffer {
  const image = Buffer.alloc(imageBytes);
  image.write(code.replaceAll(' ', ''), 'hex');
  const resetVector = imageBytes - 16;
  image.write('ea000000f0', resetVector, 'hex');
  return image;
}

/** The probe's firmware: paging, long mode, timer interrupts, then an answer. */
export const probeImage = (): Buffer => firmwareOf(program);
