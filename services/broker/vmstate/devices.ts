import { invalid } from './cursor.ts';
import { type DeviceDescription, parseDescription, type StateDescription } from './description.ts';
import { bounds, element } from './wire.ts';

/** A device section: which device it is for, and where its state lies in the tail. */
export interface DeviceSection {
  readonly name: string;
  readonly instance: number;
  readonly version: number;
  readonly at: number;
  readonly bytes: number;
}

/** Sections whose state is not a device's: their handlers would write memory or disks from it. */
const iterative = new Set(['ram', 'dirty-bitmap', 'block']);
/** What a guest may be doing in a state that is to be loaded; the rest are faults or ends. */
const runStates = new Set(['running', 'paused', 'prelaunch', 'suspended']);
const DESCRIPTION_HEAD_BYTES = 5;

/**
 * Where the description's JSON begins in a tail of `length` bytes, or nothing when the tail does not end with one.
 * `lastZero` is the index of the last zero byte: JSON has none, and a length under 16 MiB begins with one, so there is at
 * most one place where a description can begin.
 */
export function descriptionStart(tail: Buffer, length: number, lastZero: number): number | undefined {
  for (let start = Math.max(lastZero + 1, DESCRIPTION_HEAD_BYTES + 1); start <= lastZero + 4; start++) {
    if (
      start < length &&
      length - start <= bounds.descriptionBytes &&
      tail.readUInt32BE(start - 4) === length - start &&
      tail[start - 5] === element.description &&
      tail[start - 6] === element.eof
    ) {
      return start;
    }
  }
  return undefined;
}

/**
 * Checks that the tail of a stream is device sections, one end mark and their description, byte for byte: walking the
 * sections by the sizes described has to meet every header, subsection and footer. `start` is where the description's
 * JSON begins, `base` the place of the tail in the stream.
 */
export function checkDevices(tail: Buffer, start: number, base: number): DeviceSection[] {
  const devices = parseDescription(tail.subarray(start), base + start);
  const end = start - DESCRIPTION_HEAD_BYTES - 1;
  const seen = new Set<string>();
  const sections: DeviceSection[] = [];
  const walk = newWalk(tail, end, base);
  for (const device of devices) {
    const key = `${device.name}\0${device.instance}`;
    if (seen.has(key)) throw invalid(base + walk.at(), 'one section per device', `${device.name} again`);
    if (iterative.has(device.name)) throw invalid(base + walk.at(), 'a device section', `a section ${device.name}`);
    seen.add(key);
    sections.push(walk.section(device));
  }
  if (walk.at() !== end) throw invalid(base + walk.at(), 'the end mark after the last device described');
  const state = sections.find((section) => section.name === 'globalstate');
  if (state !== undefined) checkRunState(tail.subarray(state.at, state.at + state.bytes), base + state.at);
  return sections;
}

function newWalk(tail: Buffer, end: number, base: number) {
  let at = 0;
  const bytes = (count: number, expected: string): Buffer => {
    if (count > end - at) throw invalid(base + at, expected, 'the end of the devices');
    at += count;
    return tail.subarray(at - count, at);
  };
  const byte = (value: number, expected: string) => {
    if (bytes(1, expected)[0] !== value) throw invalid(base + at - 1, expected);
  };
  const u32 = (expected: string) => bytes(4, expected).readUInt32BE();
  const name = (value: string, expected: string) => {
    const from = at;
    if (bytes(bytes(1, expected)[0]!, expected).toString('latin1') !== value) throw invalid(base + from, expected);
  };
  const version = (described: number | undefined, expected: string): number => {
    const found = u32(expected);
    if (described !== undefined && found !== described) {
      throw invalid(base + at - 4, `${expected} ${described}`, `${found}`);
    }
    return found;
  };
  const state = (described: StateDescription, of: string) => {
    bytes(described.bytes, `${described.bytes} bytes of ${of}`);
    for (const subsection of described.subsections) {
      byte(element.subsection, `subsection ${subsection.name}`);
      name(subsection.name, `subsection ${subsection.name}`);
      version(subsection.state.version, `version of ${subsection.name}`);
      state(subsection.state, subsection.name);
    }
  };
  return {
    at: () => at,
    section(device: DeviceDescription): DeviceSection {
      byte(element.full, `the section of device ${device.name}`);
      const id = u32('a section id');
      name(device.name, `the section of device ${device.name}`);
      const instance = u32(`instance ${device.instance} of ${device.name}`);
      if (instance !== device.instance) {
        throw invalid(base + at - 4, `instance ${device.instance} of ${device.name}`, `${instance}`);
      }
      const found = version(device.state.version, `version of ${device.name}`);
      const from = at;
      state(device.state, device.name);
      const size = at - from;
      byte(element.footer, `the footer of ${device.name}`);
      if (u32(`the footer of ${device.name}`) !== id) {
        throw invalid(base + at - 4, `section id ${id} in the footer of ${device.name}`);
      }
      return { name: device.name, instance: device.instance, version: found, at: from, bytes: size };
    },
  };
}

/** `globalstate` is a length and 100 bytes: the name of QEMU's run state, filled up with zeros. */
function checkRunState(state: Buffer, offset: number): void {
  const name = state.length === 104 ? state.toString('latin1', 4, 4 + Math.min(state.readUInt32BE(), 100)) : '';
  if (!runStates.has(name.replace(/\0.*$/s, ''))) throw invalid(offset, 'the run state of a guest that can go on');
}
