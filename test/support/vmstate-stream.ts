import { MAGIC, PAGE_BYTES, ramFlag } from '../../services/broker/vmstate/wire.ts';

/*
 * Migration streams built by hand, each part on its own, so that a test can leave one out or put another in its place.
 */

export const u16 = (value: number): Buffer => Buffer.from([value >> 8, value & 255]);
export const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
export const u64 = (value: number | bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
};
export const name = (text: string): Buffer => Buffer.concat([Buffer.of(text.length), Buffer.from(text, 'latin1')]);
export const join = (...parts: readonly Uint8Array[]): Buffer => Buffer.concat(parts);

export const machine = 'pc-q35-7.2';
export const uuid = Buffer.from('00112233445566778899aabbccddeeff', 'hex');
/** Three pages of guest memory and two of firmware. */
export const blocks: readonly [string, number][] = [
  ['pc.ram', 3 * PAGE_BYTES],
  ['pc.bios', 2 * PAGE_BYTES],
];
export const expected = { machine, uuid, memoryBytes: 3 * PAGE_BYTES };

export const header = (magic: number = MAGIC, version = 3): Buffer => join(u32(magic), u32(version));
export const configuration = (text: string = machine, ...subsections: Uint8Array[]): Buffer =>
  join(Buffer.of(7), u32(text.length), Buffer.from(text), ...subsections);
export const subsection = (text: string, payload: Uint8Array, version = 1): Buffer =>
  join(Buffer.of(5), name(text), u32(version), payload);
export const command = (kind: number, data: Uint8Array = Buffer.alloc(0)): Buffer =>
  join(Buffer.of(8), u16(kind), u16(data.length), data);
export const footer = (id = 2, mark = 0x7e): Buffer => join(Buffer.of(mark), u32(id));

export const blockList = (list: readonly [string, number | bigint][] = blocks, total?: number | bigint): Buffer =>
  join(
    u64((total === undefined ? list.reduce((sum, [, bytes]) => sum + BigInt(bytes), 0n) : BigInt(total)) + 4n),
    ...list.flatMap(([text, bytes]) => [name(text), u64(bytes)]),
  );
export const end: Buffer = u64(ramFlag.end);
export const start = (list: Uint8Array = blockList(), text = 'ram', instance = 0, version = 4, id = 2): Buffer =>
  join(Buffer.of(1), u32(id), name(text), u32(instance), u32(version), list, end, footer(id));
export const part = (records: Uint8Array, id = 2): Buffer => join(Buffer.of(2), u32(id), records, end, footer(id));
export const endPart = (records: Uint8Array, id = 2): Buffer => join(Buffer.of(3), u32(id), records, end, footer(id));

export const record = (address: number | bigint, flags: number, block?: string): Buffer =>
  join(
    u64(BigInt(address) | BigInt(block === undefined ? flags | ramFlag.continued : flags)),
    ...(block === undefined ? [] : [name(block)]),
  );
export const page = (address: number | bigint, fill: number, block?: string): Buffer =>
  join(record(address, ramFlag.page, block), Buffer.alloc(PAGE_BYTES, fill));
export const zeroPage = (address: number | bigint, block?: string, fill = 0): Buffer =>
  join(record(address, ramFlag.zero, block), Buffer.of(fill));

/** A device as the description has it; without a version it is one of the old kind. */
export interface TestDevice {
  readonly name: string;
  readonly instance?: number;
  readonly version?: number;
  readonly payload: Uint8Array;
  readonly fields?: readonly { size: number; array_len?: number }[];
  readonly subsections?: readonly { vmsd_name: string; version: number; payload: Uint8Array }[];
}

export const device = ({ name: text, instance = 0, version = 1, payload, subsections = [] }: TestDevice, id: number) =>
  join(
    ...[Buffer.of(4), u32(id), name(text), u32(instance), u32(version), payload],
    ...subsections.map((each) => subsection(each.vmsd_name, each.payload, each.version)),
    footer(id),
  );
export const description = (devices: readonly TestDevice[], pageSize = PAGE_BYTES): Buffer => {
  const describe = ({ name: text, instance = 0, version = 1, payload, fields, subsections }: TestDevice) => ({
    name: text,
    instance_id: instance,
    vmsd_name: text,
    version,
    fields: fields ?? [{ name: 'data', type: 'buffer', size: payload.length }],
    ...(subsections === undefined
      ? {}
      : {
          subsections: subsections.map((each) => ({
            vmsd_name: each.vmsd_name,
            version: each.version,
            fields: [{ name: 'x', type: 'buffer', size: each.payload.length }],
          })),
        }),
  });
  return describedBy(JSON.stringify({ page_size: pageSize, devices: devices.map(describe) }));
};
export const describedBy = (json: string): Buffer => join(Buffer.of(6), u32(json.length), Buffer.from(json));
export const globalState = (runState: string): TestDevice => ({
  name: 'globalstate',
  payload: join(u32(runState.length + 1), Buffer.concat([Buffer.from(runState), Buffer.alloc(100)], 100)),
});

export const devices: readonly TestDevice[] = [
  { name: 'timer', version: 2, payload: Buffer.from('0102030405060708', 'hex') },
  {
    name: 'cpu',
    version: 12,
    payload: Buffer.from('aabbccdd', 'hex'),
    fields: [{ size: 1, array_len: 4 }],
    subsections: [{ vmsd_name: 'cpu/extra', version: 1, payload: Buffer.from('ee', 'hex') }],
  },
  globalState('running'),
];
export const tail = (list: readonly TestDevice[] = devices): Buffer =>
  join(...list.map((each, index) => device(each, 10 + index)), Buffer.of(0), description(list));

/** All five pages: two of the guest's hold bytes, one is zero, one of the firmware's is zero. */
export const records = join(
  ...[page(0, 0x11, 'pc.ram'), zeroPage(PAGE_BYTES), page(2 * PAGE_BYTES, 0x33)],
  ...[page(0, 0x44, 'pc.bios'), zeroPage(PAGE_BYTES)],
);

/** The parts of a well-formed stream, in order. */
export const parts = {
  header: header(),
  configuration: configuration(),
  commands: join(command(1), command(2, u32(1))),
  start: start(),
  pages: part(records),
  end: endPart(Buffer.alloc(0)),
  tail: tail(),
} as const;

/** A well-formed stream, or one with some parts replaced. */
export const stream = (changes: Partial<Record<keyof typeof parts, Uint8Array>> = {}): Buffer =>
  join(...Object.values({ ...parts, ...changes }));
