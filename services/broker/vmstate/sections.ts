import { limits } from '../../../shared/limits.ts';
import { readBlockList, trackBlocks } from './blocks.ts';
import { type Cursor, invalid, offsetOf, type Reading, take, takeByte, takeName, takeU32 } from './cursor.ts';
import { type Ram, readPages } from './ram.ts';
import type { MemorySink, Runs } from './runs.ts';
import { type Block, command, element, GUEST_MEMORY, RAM_SECTION, RAM_VERSION } from './wire.ts';

/** What stands between the configuration and the devices: commands, and the one section `ram` in its parts. */
export interface Memory {
  readonly blocks: readonly Block[];
  readonly opensReturnPath: boolean;
}

interface RamSection {
  readonly id: number;
  readonly blocks: readonly Block[];
  readonly ram: Ram;
  ended: boolean;
}

/**
 * Reads elements from `first` on up to the first device section, whose first byte is used up. All memory has come by
 * then: a page that was never sent would be read as zeros, so it is refused.
 */
export function* readMemory(
  cursor: Cursor,
  first: number,
  memoryBytes: number,
  runs: Runs,
  sink: MemorySink,
): Reading<Memory> {
  let section: RamSection | undefined;
  let opensReturnPath = false;
  let type = first;
  for (; type !== element.full; type = yield* takeByte(cursor, 'an element')) {
    const offset = offsetOf(cursor) - 1;
    if (type === element.command) {
      opensReturnPath = (yield* readCommand(cursor, offset)) === command.openReturnPath || opensReturnPath;
    } else if (type === element.start) {
      if (section !== undefined) throw invalid(offset, 'one RAM section', 'another START');
      section = yield* readStart(cursor, memoryBytes);
      sink.blocks(section.blocks);
      yield* readFooter(cursor, section.id);
    } else if (type === element.part || type === element.end) {
      if (section === undefined) throw invalid(offset, 'a START before any other part of a section');
      yield* readPart(cursor, section, runs, offset);
      section.ended = type === element.end;
      yield* readFooter(cursor, section.id);
    } else {
      throw invalid(offset, 'a command, memory or a device section', `element 0x${type.toString(16)}`);
    }
  }
  const offset = offsetOf(cursor) - 1;
  if (section === undefined) throw invalid(offset, 'memory before the devices');
  for (const { block, missingPages } of section.ram.blocks.values()) {
    if (missingPages > 0) throw invalid(offset, `every page of ${block.name}`, `${missingPages} missing`);
  }
  return { blocks: section.blocks, opensReturnPath };
}

function* readStart(cursor: Cursor, memoryBytes: number): Reading<RamSection> {
  const id = yield* takeU32(cursor, 'a section id');
  const offset = offsetOf(cursor);
  const name = yield* takeName(cursor, 'the name of a section');
  const instance = yield* takeU32(cursor, `instance 0 of ${name}`);
  const version = yield* takeU32(cursor, `the version of ${name}`);
  if (name !== RAM_SECTION || instance !== 0 || version !== RAM_VERSION) {
    throw invalid(offset, `section ram, version ${RAM_VERSION}`, `${name} ${instance}, version ${version}`);
  }
  const blocks = yield* readBlockList(cursor);
  const guest = blocks.find((block) => block.name === GUEST_MEMORY)?.bytes;
  if (guest !== memoryBytes) throw invalid(offset, `${memoryBytes} bytes of ${GUEST_MEMORY}`, `${guest ?? 'none'}`);
  const others = blocks.reduce((sum, block) => sum + block.bytes, -guest);
  if (others > limits.deviceStateBytes) {
    throw invalid(offset, `at most ${limits.deviceStateBytes} bytes of blocks beside ${GUEST_MEMORY}`, `${others}`);
  }
  return { id, blocks, ram: { blocks: trackBlocks(blocks), current: undefined }, ended: false };
}

function* readPart(cursor: Cursor, section: RamSection, runs: Runs, offset: number): Reading<void> {
  const id = yield* takeU32(cursor, 'a section id');
  if (id !== section.id) throw invalid(offset, `section id ${section.id}`, `${id}`);
  if (section.ended) throw invalid(offset, 'no memory after the END of its section');
  yield* readPages(cursor, section.ram, runs);
}

function* readFooter(cursor: Cursor, id: number): Reading<void> {
  const offset = offsetOf(cursor);
  const mark = yield* takeByte(cursor, 'a section footer');
  const found = yield* takeU32(cursor, 'a section footer');
  if (mark !== element.footer || found !== id) throw invalid(offset, `the footer of section ${id}`);
}

/** Only opening the return path and ping: the others belong to post-copy, COLO and recovery. Answers with which it was. */
function* readCommand(cursor: Cursor, offset: number): Reading<number> {
  const head = yield* take(cursor, 4, 'a command');
  const kind = head.readUInt16BE();
  const length = head.readUInt16BE(2);
  const open = kind === command.openReturnPath && length === 0;
  const ping = kind === command.ping && length === 4;
  if (!open && !ping) throw invalid(offset, 'command 1 or 2', `command ${kind} with ${length} bytes`);
  yield* take(cursor, length, 'the data of a command');
  return kind;
}
