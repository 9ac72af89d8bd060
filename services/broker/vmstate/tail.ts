import { invalid } from './cursor.ts';
import { checkDevices, type DeviceSection, descriptionStart } from './devices.ts';
import { element } from './wire.ts';

/** The end of a stream from the first device section on. Sections have no length, so it is kept and checked as a whole. */
export interface Tail {
  /** Begins with the first byte of a device section, which stands at `offset` of the stream. */
  begin(offset: number): void;
  begun(): boolean;
  append(bytes: Uint8Array): void;
  /** Where the description's JSON begins, if the tail ends with one. Cheap enough to ask after every chunk. */
  descriptionStart(): number | undefined;
  /** Fails with STREAM_INVALID where the sections are not what the description says. */
  check(): DeviceSection[];
  bytes(): Buffer;
}

export function newTail(bytesMax: number): Tail {
  let held = Buffer.alloc(0);
  let length = 0;
  let base = 0;
  let lastZero = -1;

  const append = (bytes: Uint8Array) => {
    if (length + bytes.length > bytesMax) throw invalid(base + bytesMax, `at most ${bytesMax} bytes of device state`);
    if (length + bytes.length > held.length) {
      const grown = Buffer.alloc(Math.min(bytesMax, Math.max(64 * 1024, 2 * held.length, length + bytes.length)));
      held.copy(grown, 0, 0, length);
      held = grown;
    }
    held.set(bytes, length);
    const zero = bytes.lastIndexOf(0);
    if (zero >= 0) lastZero = length + zero;
    length += bytes.length;
  };
  const start = () => descriptionStart(held, length, lastZero);

  return {
    append,
    begin(offset) {
      base = offset;
      append(Uint8Array.of(element.full));
    },
    begun: () => length > 0,
    descriptionStart: start,
    check() {
      const at = start();
      if (at === undefined) throw invalid(base + length, 'the end mark and the description of the devices');
      return checkDevices(held.subarray(0, length), at, base);
    },
    bytes: () => held.subarray(0, length),
  };
}
