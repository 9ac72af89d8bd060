import { limits } from '../../../shared/limits.ts';
import { type Cursor, invalid, newCursor, offsetOf, type Reading } from './cursor.ts';
import type { DeviceSection } from './devices.ts';
import { type Prologue, readPrologue } from './prologue.ts';
import { type MemorySink, newRuns, type Runs } from './runs.ts';
import { type Memory, readMemory } from './sections.ts';
import { newTail, type Tail } from './tail.ts';
import { bounds } from './wire.ts';

/** What a stream has to be the state of. */
export interface Expected {
  /** The machine type with its version. */
  readonly machine: string;
  /** 16 bytes. Where the stream names a UUID, it has to be this one. */
  readonly uuid: Uint8Array;
  /** The size of the guest's memory. */
  readonly memoryBytes: number;
}

/** Everything of a stream but its memory. */
export interface StreamState extends Memory {
  readonly machine: string;
  readonly uuid: Uint8Array | undefined;
  readonly devices: readonly DeviceSection[];
  /** The device sections, the end mark and the description, as they came. */
  readonly tail: Buffer;
  readonly bytes: number;
}

/** Reads one stream. After an error it reads no more: every further call fails with the same error. */
export interface StreamReader {
  /**
   * Takes the next bytes; what the sink got are views of them. Fails with STREAM_INVALID, which names the offset of what is
   * not as the format or `Expected` says.
   */
  push(bytes: Uint8Array): void;
  /** True where the sender opened the return path and what came ends as a stream does: it does not close, it waits. */
  answerDue(): boolean;
  /** The stream has ended: checks that it is whole. Fails with STREAM_INVALID. */
  finish(): StreamState;
}

/** What was read before the tail. */
interface Head {
  prologue?: Prologue;
  memory?: Memory;
}

/**
 * A reader of QEMU's migration stream, version 3 (QEMU 7.2), that treats it as hostile. It does no I/O; memory goes to
 * `sink` as it comes, and the devices' state is kept whole. Every size is bounded.
 */
export function newStreamReader(expected: Expected, sink: MemorySink): StreamReader {
  const cursor = newCursor();
  const runs = newRuns(sink);
  const tail = newTail(limits.deviceStateBytes);
  const head: Head = {};
  const bytesMax = bounds.passes * expected.memoryBytes + 2 * limits.deviceStateBytes;
  const reading = read(cursor, expected, head, runs, sink, tail);
  reading.next();
  let failure: { error: unknown } | undefined;

  return {
    push(bytes) {
      if (failure !== undefined) throw failure.error;
      try {
        cursor.base += cursor.chunk.length;
        cursor.chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
        cursor.at = 0;
        if (cursor.base + bytes.length > bytesMax) throw invalid(bytesMax, 'the end of the stream');
        reading.next();
        runs.flush();
      } catch (error) {
        failure = { error };
        throw error;
      }
    },
    answerDue: () => head.memory?.opensReturnPath === true && tail.descriptionStart() !== undefined,
    finish() {
      if (failure !== undefined) throw failure.error;
      const bytes = cursor.base + cursor.chunk.length;
      const { prologue, memory } = head;
      if (prologue === undefined || memory === undefined) {
        throw invalid(bytes, cursor.expecting, 'the end of the stream');
      }
      const { machine, uuid } = prologue;
      return { ...memory, machine, uuid, devices: tail.check(), tail: tail.bytes(), bytes };
    },
  };
}

function* read(
  cursor: Cursor,
  expected: Expected,
  head: Head,
  runs: Runs,
  sink: MemorySink,
  tail: Tail,
): Reading<never> {
  const prologue = yield* readPrologue(cursor);
  const { machine, uuid, next } = prologue;
  if (machine !== expected.machine) throw invalid(9, `machine ${expected.machine}`, machine);
  if (uuid !== undefined && !uuid.equals(expected.uuid)) {
    throw invalid(offsetOf(cursor) - 1, 'the UUID of this machine', uuid.toString('hex'));
  }
  head.prologue = prologue;
  head.memory = yield* readMemory(cursor, next, expected.memoryBytes, runs, sink);
  tail.begin(offsetOf(cursor) - 1);
  for (;;) {
    tail.append(cursor.chunk.subarray(cursor.at));
    cursor.at = cursor.chunk.length;
    yield;
  }
}
