import { invalid } from './cursor.ts';
import { bounds, PAGE_BYTES } from './wire.ts';

/** The state of a device, or of an optional part of one, as the sender describes it. */
export interface StateDescription {
  /** Bytes of its own fields, nested structures included. */
  readonly bytes: number;
  /** Absent where a device has a handler of the old kind, which writes its bytes without a form. */
  readonly version: number | undefined;
  readonly subsections: readonly { readonly name: string; readonly state: StateDescription }[];
}

export interface DeviceDescription {
  readonly name: string;
  readonly instance: number;
  readonly state: StateDescription;
}

type Json = Readonly<Record<string, unknown>>;

/**
 * Reads the description that ends a stream: JSON, in which QEMU says what each device section is made of. It comes from
 * the sender, so it is bounded in size, depth and numbers; whether it is true of the bytes is for `checkDevices`.
 * Fields that only describe are not looked at. `offset` is its place in the stream.
 */
export function parseDescription(text: Buffer, offset: number): DeviceDescription[] {
  const refuse = (expected: string): never => {
    throw invalid(offset, `a description of the devices with ${expected}`);
  };
  const json = (value: unknown): Json =>
    typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : refuse('objects');
  const array = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : refuse('lists'));
  const count = (value: unknown): number =>
    Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : refuse('sizes that are whole numbers');
  const name = (value: unknown): string =>
    typeof value === 'string' && value.length > 0 && value.length < 256 ? value : refuse('names');

  const stateOf = (value: Json, depth: number): StateDescription => {
    if (depth > bounds.descriptionDepth) refuse(`at most ${bounds.descriptionDepth} levels`);
    let bytes = 0;
    for (const item of array(value['fields'] ?? [])) {
      const field = json(item);
      bytes += count(field['size']) * count(field['array_len'] ?? 1);
    }
    return {
      bytes: count(bytes),
      version: value['version'] === undefined ? undefined : count(value['version']),
      subsections: array(value['subsections'] ?? []).map((item) => {
        const subsection = json(item);
        return { name: name(subsection['vmsd_name']), state: stateOf(subsection, depth + 1) };
      }),
    };
  };

  let parsed: unknown;
  try {
    parsed = JSON.parse(text.toString('utf8'));
  } catch {
    refuse('well-formed JSON');
  }
  const whole = json(parsed);
  if (whole['page_size'] !== PAGE_BYTES) refuse(`pages of ${PAGE_BYTES} bytes`);
  const devices = array(whole['devices']);
  if (devices.length > bounds.devices) refuse(`at most ${bounds.devices} devices`);
  return devices.map((item) => {
    const device = json(item);
    return { name: name(device['name']), instance: count(device['instance_id']), state: stateOf(device, 0) };
  });
}
