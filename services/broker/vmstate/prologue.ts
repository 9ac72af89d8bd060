import { type Cursor, invalid, offsetOf, type Reading, take, takeByte, takeName, takeText, takeU32 } from './cursor.ts';
import { bounds, element, MAGIC, TARGET_PAGE_BITS, VERSION } from './wire.ts';

/** What a stream says of the machine it came from, before anything else. */
export interface Prologue {
  readonly machine: string;
  /** 16 bytes; only where QEMU was told to send it (`validate-uuid`). */
  readonly uuid: Buffer | undefined;
  /** The first byte of the element that follows: it had to be read to see that no further subsection comes. */
  readonly next: number;
}

/**
 * Reads the header and the configuration section. Subsections may stand once each; a capability that changes the
 * form of what follows (x-ignore-shared) is refused, as is a page size other than 4 KiB.
 */
export function* readPrologue(cursor: Cursor): Reading<Prologue> {
  const magic = yield* takeU32(cursor, 'the magic QEVM');
  if (magic !== MAGIC) throw invalid(0, 'the magic QEVM', `0x${magic.toString(16)}`);
  const version = yield* takeU32(cursor, 'stream version 3');
  if (version !== VERSION) throw invalid(4, 'stream version 3', `${version}`);
  const type = yield* takeByte(cursor, 'the configuration section');
  if (type !== element.configuration) throw invalid(8, 'the configuration section', `element 0x${type.toString(16)}`);
  const length = yield* takeU32(cursor, "the length of the machine's name");
  if (length > bounds.machineNameBytes) {
    throw invalid(9, `a machine name of at most ${bounds.machineNameBytes} bytes`, `${length}`);
  }
  const machine = yield* takeText(cursor, length, "the machine's name");

  let uuid: Buffer | undefined;
  const seen = new Set<string>();
  for (;;) {
    const next = yield* takeByte(cursor, 'a subsection of the configuration or an element');
    if (next !== element.subsection) return { machine, uuid, next };
    const offset = offsetOf(cursor);
    const name = yield* takeName(cursor, 'the name of a configuration subsection');
    const subsectionVersion = yield* takeU32(cursor, `version 1 of ${name}`);
    if (subsectionVersion !== 1) throw invalid(offset, `version 1 of ${name}`, `${subsectionVersion}`);
    if (seen.has(name)) throw invalid(offset, 'each configuration subsection once', `${name} again`);
    seen.add(name);
    if (name === 'configuration/uuid') uuid = Buffer.from(yield* take(cursor, 16, "the machine's UUID"));
    else yield* refuseUnlessDefault(cursor, name, offset);
  }
}

function* refuseUnlessDefault(cursor: Cursor, name: string, offset: number): Reading<void> {
  if (name === 'configuration/target-page-bits') {
    const bits = yield* takeU32(cursor, 'the target page bits');
    if (bits !== TARGET_PAGE_BITS) throw invalid(offset, `target page bits ${TARGET_PAGE_BITS}`, `${bits}`);
  } else if (name === 'configuration/capabilities') {
    const count = yield* takeU32(cursor, 'the number of capabilities');
    if (count !== 0) throw invalid(offset, 'no capability that changes the stream', `${count}`);
  } else {
    throw invalid(offset, 'a configuration subsection that is known', name);
  }
}
