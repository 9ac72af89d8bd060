import type { StreamState } from './reader.ts';
import type { SmallBlocks } from './small-blocks.ts';
import {
  type Block,
  element,
  GUEST_MEMORY,
  MAGIC,
  PAGE_BYTES,
  RAM_SECTION,
  RAM_VERSION,
  ramFlag,
  VERSION,
} from './wire.ts';

const RAM_SECTION_ID = 2;
const zeroPage = Buffer.alloc(PAGE_BYTES);

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
const u64 = (value: number): Buffer => Buffer.concat([u32(Math.floor(value / 2 ** 32)), u32(value % 2 ** 32)]);
const name = (text: string): Buffer => Buffer.from(`${String.fromCharCode(text.length)}${text}`, 'latin1');
const footer = Buffer.concat([Buffer.of(element.footer), u32(RAM_SECTION_ID)]);
const endOfRam = u64(ramFlag.end);

/**
 * The stream that QEMU loads when `pc.ram` is a mapping of the memory file: everything but the pages of that block, which
 * is listed and stays as mapped. It is written anew from what was read and checked, so commands, repeated pages and
 * the order of the original are gone; only the devices' state is passed on as it came. The parts, in order.
 */
export function assemble(state: StreamState, small: SmallBlocks): Uint8Array[] {
  return [...prologue(state), ...blockList(state.blocks), ...pages(state.blocks, small), state.tail];
}

function prologue({ machine, uuid }: StreamState): Uint8Array[] {
  const parts = [u32(MAGIC), u32(VERSION), Buffer.of(element.configuration), u32(machine.length), Buffer.from(machine)];
  if (uuid === undefined) return parts;
  return [...parts, Buffer.of(element.subsection), name('configuration/uuid'), u32(1), uuid];
}

function blockList(blocks: readonly Block[]): Uint8Array[] {
  const total = blocks.reduce((sum, block) => sum + block.bytes, 0);
  return [
    Buffer.of(element.start),
    u32(RAM_SECTION_ID),
    name(RAM_SECTION),
    u32(0),
    u32(RAM_VERSION),
    u64(total + ramFlag.memorySize),
    ...blocks.flatMap((block) => [name(block.name), u64(block.bytes)]),
    endOfRam,
    footer,
  ];
}

function pages(blocks: readonly Block[], small: SmallBlocks): Uint8Array[] {
  const parts: Uint8Array[] = [Buffer.of(element.end), u32(RAM_SECTION_ID)];
  for (const block of blocks) {
    if (block.name === GUEST_MEMORY) continue;
    const bytes = small.get(block.name)!;
    for (let at = 0; at < block.bytes; at += PAGE_BYTES) {
      const page = bytes.subarray(at, at + PAGE_BYTES);
      const zero = page.equals(zeroPage);
      const flags = (zero ? ramFlag.zero : ramFlag.page) + (at === 0 ? 0 : ramFlag.continued);
      parts.push(u64(at + flags));
      if (at === 0) parts.push(name(block.name));
      parts.push(zero ? Buffer.of(0) : page);
    }
  }
  return [...parts, endOfRam, footer];
}
