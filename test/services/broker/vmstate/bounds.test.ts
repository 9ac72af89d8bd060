import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newStreamReader } from '../../../../services/broker/vmstate/reader.ts';
import { bounds, PAGE_BYTES, ramFlag } from '../../../../services/broker/vmstate/wire.ts';
import { limits } from '../../../../shared/limits.ts';
import { memorySink, readStream } from '../../../support/vmstate-sink.ts';
import * as s from '../../../support/vmstate-stream.ts';

const MiB = 1024 * 1024;
const pages = (records: Uint8Array) => s.stream({ pages: s.part(s.join(s.records, records)) });
const started = (list: Uint8Array) => s.stream({ start: s.start(list) });
const ended = (list: readonly s.TestDevice[], change: (tail: Buffer) => Buffer = (tail) => tail) =>
  s.stream({ tail: change(s.tail(list)) });
const described = (json: string) =>
  s.stream({ tail: s.join(s.device(s.devices[0]!, 10), Buffer.of(0), s.describedBy(json)) });
const [timer, cpu] = s.devices as [s.TestDevice, s.TestDevice];
const timerSays = (fields: unknown, more: Record<string, unknown> = {}) =>
  described(
    JSON.stringify({
      page_size: PAGE_BYTES,
      devices: [{ name: 'timer', instance_id: 0, version: 2, fields, ...more }],
    }),
  );
const eight = [{ size: 8 }];
const configured = (...subsections: Uint8Array[]) =>
  s.stream({ configuration: s.configuration(s.machine, ...subsections) });
const manyBlocks = Array.from(
  { length: bounds.blocks + 1 },
  (_, index) => [`b${index}`, PAGE_BYTES] as [string, number],
);
const deep = (levels: number): unknown => ({
  vmsd_name: 'x',
  fields: [],
  subsections: levels === 0 ? [] : [deep(levels - 1)],
});
const uuid = s.subsection('configuration/uuid', s.uuid);
const other: [string, number] = ['pc.rom', limits.deviceStateBytes];

/** What is wrong, a stream that is wrong only in this, and what the reader says it expected. */
const wrong: readonly (readonly [string, Uint8Array, RegExp])[] = [
  ['another magic', s.stream({ header: s.header(0x51455600) }), /byte 0 .*the magic QEVM/],
  ['another stream version', s.stream({ header: s.header(undefined, 2) }), /byte 4 .*version 3/],
  ['no configuration', s.stream({ configuration: Buffer.alloc(0) }), /byte 8 .*the configuration section/],
  ['an overlong machine name', s.stream({ configuration: s.configuration('p'.repeat(33)) }), /at most 32 bytes/],
  ['a machine name with control characters', s.stream({ configuration: s.configuration('pc\n') }), /printable ASCII/],
  [
    'another machine',
    s.stream({ configuration: s.configuration('pc-q35-7.1') }),
    /machine pc-q35-7.2, found pc-q35-7.1/,
  ],
  ['another UUID', configured(s.subsection('configuration/uuid', Buffer.alloc(16))), /the UUID of this machine/],
  ['a configuration subsection twice', configured(uuid, uuid), /each configuration subsection once/],
  ['a newer configuration subsection', configured(s.subsection('configuration/uuid', s.uuid, 2)), /version 1 of/],
  ['an unknown configuration subsection', configured(s.subsection('configuration/x', s.u32(0))), /that is known/],
  ['other page sizes', configured(s.subsection('configuration/target-page-bits', s.u32(14))), /page bits 12/],
  [
    'a capability that changes the stream',
    configured(s.subsection('configuration/capabilities', s.join(s.u32(1), s.name('x-ignore-shared')))),
    /no capability/,
  ],
  ...[3, 4, 5, 6, 7, 8, 9, 10].map(
    (kind) => [`command ${kind}`, s.stream({ commands: s.command(kind) }), /byte 23 .*command 1 or 2/] as const,
  ),
  ['a ping with too many bytes', s.stream({ commands: s.command(2, Buffer.alloc(5)) }), /command 1 or 2/],
  ['a return path with data', s.stream({ commands: s.command(1, Buffer.alloc(1)) }), /command 1 or 2/],
  ['an unknown element', s.stream({ commands: Buffer.of(9) }), /element 0x9/],
  ['a description before the devices', s.stream({ end: s.description(s.devices) }), /element 0x6/],
  ['an end mark before the devices', s.stream({ end: Buffer.of(0) }), /element 0x0/],
  ['a second configuration', s.stream({ commands: s.configuration() }), /element 0x7/],

  ['a section other than ram', s.stream({ start: s.start(s.blockList(), 'dirty-bitmap') }), /section ram, version 4/],
  ['another instance of ram', s.stream({ start: s.start(s.blockList(), 'ram', 1) }), /section ram, version 4/],
  ['another version of ram', s.stream({ start: s.start(s.blockList(), 'ram', 0, 3) }), /section ram, version 4/],
  ['a second START', s.stream({ start: s.join(s.start(), s.start()) }), /one RAM section/],
  ['a PART before the START', s.stream({ start: Buffer.alloc(0) }), /a START before/],
  ['a PART of another section', s.stream({ pages: s.part(s.records, 3) }), /section id 2, found 3/],
  ['memory after its END', s.stream({ end: s.join(s.parts.end, s.part(Buffer.alloc(0))) }), /after the END/],
  ['a second END', s.stream({ end: s.join(s.parts.end, s.parts.end) }), /after the END/],
  [
    'devices without memory',
    s.stream({ start: Buffer.alloc(0), pages: Buffer.alloc(0), end: Buffer.alloc(0) }),
    /memory before/,
  ],
  [
    'a footer of another section',
    s.stream({ pages: s.join(Buffer.of(2), s.u32(2), s.records, s.end, s.footer(3)) }),
    /the footer of section 2/,
  ],
  [
    'another mark for a footer',
    s.stream({ pages: s.join(Buffer.of(2), s.u32(2), s.records, s.end, s.footer(2, 0x7f)) }),
    /the footer of section 2/,
  ],

  ['pages where the block list belongs', started(s.page(0, 1, 'pc.ram')), /list of RAM blocks, found .* 0x8/],
  ['a block twice', started(s.blockList([...s.blocks, ['pc.bios', PAGE_BYTES]])), /each RAM block once/],
  ['a block of half a page', started(s.blockList([...s.blocks, ['x', 2048]], 6 * PAGE_BYTES)), /of whole pages/],
  ['a block of no bytes', started(s.blockList([...s.blocks, ['x', 0]], 6 * PAGE_BYTES)), /of whole pages/],
  ['a block of 2^63 bytes', started(s.blockList([['pc.ram', 2n ** 63n]], 3 * PAGE_BYTES)), /above 2\^53/],
  ['blocks larger than their total', started(s.blockList(s.blocks, 4 * PAGE_BYTES)), /add up to 16384 bytes/],
  ['more RAM than any VM has', started(s.blockList([['pc.ram', PAGE_BYTES]], 2n ** 50n)), /at most \d+ bytes of RAM/],
  ['too many blocks', started(s.blockList(manyBlocks)), /at most 256 RAM blocks/],
  ['a block without a name', started(s.blockList([['', PAGE_BYTES]])), /printable ASCII/],
  ['no guest memory', started(s.blockList([['x.ram', 3 * PAGE_BYTES]])), /12288 bytes of pc.ram, found none/],
  [
    'guest memory of another size',
    started(s.blockList([['pc.ram', 4 * PAGE_BYTES]])),
    /12288 bytes of pc.ram, found 16384/,
  ],
  ['too much beside the guest memory', started(s.blockList([...s.blocks, other])), /of blocks beside pc.ram/],
  ['a page in the START', started(s.join(s.blockList(), s.page(0, 1, 'pc.ram'))), /the end of the list/],
  ['an address in the end of the list', started(s.join(s.blockList(), s.u64(0x1010))), /the end of the list/],

  ['a page just behind its block', pages(s.page(3 * PAGE_BYTES, 1, 'pc.ram')), /a page of the 12288 bytes of pc.ram/],
  ['a page far behind its block', pages(s.page(2n ** 63n, 1, 'pc.ram')), /a page of the 12288 bytes of pc.ram/],
  ['a page without a name behind its block', pages(s.page(2 * PAGE_BYTES, 1)), /a page of the 8192 bytes of pc.bios/],
  ['a zero page behind its block', pages(s.zeroPage(2 * PAGE_BYTES)), /a page of the 8192 bytes of pc.bios/],
  ['a page of an unknown block', pages(s.page(0, 1, 'pc.rim')), /a RAM block of the list, found pc.rim/],
  ['a first page without a name', s.stream({ pages: s.part(s.page(0, 1)) }), /first RAM record that names its block/],
  ['a zero page filled with ones', pages(s.zeroPage(PAGE_BYTES, undefined, 1)), /filled with 0, found 1/],
  ['a named zero page filled with ones', pages(s.zeroPage(PAGE_BYTES, 'pc.ram', 1)), /filled with 0, found 1/],
  ['an end of the section with an address', pages(s.u64(0x1010)), /a zero page or the end/],
  ...(
    [
      ['an obsolete FULL record', 0x001],
      ['a second block list', ramFlag.memorySize],
      ['a delta-encoded page', 0x040],
      ['a hook', 0x080],
      ['a compressed page', 0x100],
      ['a multifd flush', 0x200],
      ['a page that is also zero', ramFlag.page | ramFlag.zero],
      ['a record without flags', 0],
      ['an unknown flag', 0x800 | ramFlag.page],
    ] as const
  ).flatMap(([what, flags]) => [
    [what, pages(s.record(0, flags, 'pc.ram')), /a page, a zero page or the end/] as const,
    [`${what}, without a name`, pages(s.record(0, flags)), /a page, a zero page or the end/] as const,
  ]),
  [
    'a page that never came',
    s.stream({ pages: s.part(s.records.subarray(0, -9)) }),
    /every page of pc.bios, found 1 missing/,
  ],

  ['no description', s.stream({ tail: s.join(s.device(timer, 10), Buffer.of(0)) }), /the end mark and the description/],
  [
    'no end mark',
    ended(s.devices, (tail) => s.join(tail.subarray(0, tail.lastIndexOf(6) - 1), tail.subarray(tail.lastIndexOf(6)))),
    /the end mark/,
  ],
  ['bytes after the description', s.join(s.stream(), Buffer.of(0x20)), /the end mark and the description/],
  [
    'two end marks',
    s.stream({ tail: s.join(s.device(timer, 10), Buffer.of(0), Buffer.of(0), s.description([timer])) }),
    /after the last device described/,
  ],
  [
    'a device that is not described',
    s.stream({ tail: s.join(s.device(timer, 10), s.device(cpu, 11), Buffer.of(0), s.description([timer])) }),
    /after the last device described/,
  ],
  [
    'a described device that is not there',
    s.stream({ tail: s.join(s.device(timer, 10), Buffer.of(0), s.description([timer, cpu])) }),
    /the section of device cpu/,
  ],
  [
    'devices in another order than described',
    s.stream({ tail: s.join(s.device(cpu, 10), s.device(timer, 11), Buffer.of(0), s.description([timer, cpu])) }),
    /the section of device timer/,
  ],
  [
    'a PART among the devices',
    ended(s.devices, (tail) => Buffer.concat([tail.subarray(0, 32), Buffer.of(2), tail.subarray(33)])),
    /the section of device cpu/,
  ],
  ['a device twice', ended([timer, timer]), /one section per device/],
  ['a device called ram', ended([timer, { name: 'ram', version: 4, payload: s.end }]), /found a section ram/],
  [
    'another instance than described',
    s.stream({ tail: s.join(s.device({ ...timer, instance: 1 }, 10), Buffer.of(0), s.description([timer])) }),
    /instance 0 of timer, found 1/,
  ],
  [
    'another version than described',
    s.stream({ tail: s.join(s.device({ ...timer, version: 3 }, 10), Buffer.of(0), s.description([timer])) }),
    /version of timer 2, found 3/,
  ],
  ['a device shorter than described', timerSays([{ size: 9 }]), /the footer of timer/],
  ['a device longer than described', timerSays([{ size: 7 }]), /the footer of timer/],
  ['a device that would reach beyond the tail', timerSays([{ size: 4096 }]), /4096 bytes of timer, found the end/],
  [
    'a footer of another device',
    ended([timer], (tail) => Buffer.concat([tail.subarray(0, 31), Buffer.of(9), tail.subarray(32)])),
    /section id 10 in the footer/,
  ],
  [
    'a subsection that is not described',
    s.stream({ tail: s.join(s.device(cpu, 10), Buffer.of(0), s.description([{ ...cpu, subsections: [] }])) }),
    /the footer of cpu/,
  ],
  [
    'a described subsection that is not there',
    timerSays(eight, { subsections: [{ vmsd_name: 'timer/x', fields: [] }] }),
    /subsection timer\/x/,
  ],
  [
    'a subsection of another name',
    s.stream({
      tail: s.join(
        s.device(cpu, 10),
        Buffer.of(0),
        s.description([{ ...cpu, subsections: [{ ...cpu.subsections![0]!, vmsd_name: 'cpu/extrb' }] }]),
      ),
    }),
    /subsection cpu\/extrb/,
  ],
  [
    'a subsection of another version',
    s.stream({
      tail: s.join(
        s.device(cpu, 10),
        Buffer.of(0),
        s.description([{ ...cpu, subsections: [{ ...cpu.subsections![0]!, version: 2 }] }]),
      ),
    }),
    /version of cpu\/extra 2, found 1/,
  ],
  ['a guest that shut down', ended([timer, s.globalState('shutdown')]), /the run state of a guest that can go on/],
  [
    'a run state of another form',
    ended([timer, { name: 'globalstate', payload: Buffer.from('running') }]),
    /the run state/,
  ],

  ['a description that is no JSON', described('{"page_size":4096,"devices":[}'), /well-formed JSON/],
  ['a description that is a list', described('[]'), /objects/],
  [
    'other pages in the description',
    s.stream({ tail: s.join(s.device(timer, 10), Buffer.of(0), s.description([timer], 8192)) }),
    /pages of 4096 bytes/,
  ],
  ['a negative size', timerSays([{ size: 16 }, { size: -8 }]), /whole numbers/],
  ['a size with a fraction', timerSays([{ size: 7.5 }, { size: 0.5 }]), /whole numbers/],
  ['a size that is text', timerSays([{ size: '8' }]), /whole numbers/],
  [
    'a count that is negative',
    timerSays([
      { size: 8, array_len: 3 },
      { size: 8, array_len: -2 },
    ]),
    /whole numbers/,
  ],
  ['sizes beyond what a number holds', timerSays([{ size: 2 ** 52, array_len: 2 ** 52 }]), /whole numbers/],
  ['fields that are no list', timerSays({ size: 8 }), /lists/],
  ['a field that is no object', timerSays([null]), /objects/],
  [
    'a device without a name',
    described(JSON.stringify({ page_size: 4096, devices: [{ instance_id: 0, fields: eight }] })),
    /names/,
  ],
  [
    'subsections nested too deep',
    timerSays(eight, { subsections: [deep(bounds.descriptionDepth)] }),
    /at most 32 levels/,
  ],
  [
    'too many devices',
    described(JSON.stringify({ page_size: 4096, devices: Array.from({ length: bounds.devices + 1 }, () => ({})) })),
    /at most 4096 devices/,
  ],
  [
    'an overlong description',
    described(JSON.stringify({ page_size: 4096, devices: [], x: 'x'.repeat(bounds.descriptionBytes) })),
    /the end mark and the description/,
  ],
  [
    'too much device state',
    s.stream({ tail: s.join(s.device(timer, 10), Buffer.alloc(limits.deviceStateBytes)) }),
    /bytes of device state/,
  ],
];

for (const [what, stream, says] of wrong) {
  test(`${what}: refused`, () => {
    assert.throws(() => readStream(stream, s.expected), { code: 'STREAM_INVALID', message: says });
  });
}

test('the bounds refuse nothing of a stream that is well formed', () => {
  readStream(s.stream(), s.expected);
  readStream(s.stream({ tail: s.tail([timer]) }), s.expected);
  readStream(configured(uuid, s.subsection('configuration/capabilities', s.u32(0))), s.expected);
  readStream(configured(s.subsection('configuration/target-page-bits', s.u32(12))), s.expected);
  readStream(timerSays(eight), s.expected);
});

test('a stream that sends its pages again and again is refused in the end', () => {
  const { sink } = memorySink();
  const reader = newStreamReader(s.expected, sink);
  const { header, configuration, start, pages: part } = s.parts;
  reader.push(s.join(header, configuration, start));
  const many = s.join(...Array.from({ length: 1000 }, () => part));
  const push = () => {
    for (let bytes = 0; bytes < 256 * MiB; bytes += many.length) reader.push(many);
  };
  assert.throws(push, { code: 'STREAM_INVALID', message: /the end of the stream/ });
});

test('a stream that ends early is refused wherever it ends', () => {
  const whole = s.stream();
  for (let length = 0; length < whole.length; length++) {
    assert.throws(
      () => readStream(whole.subarray(0, length), s.expected),
      { code: 'STREAM_INVALID' },
      `${length} bytes`,
    );
  }
});

test('the error names what was expected where the stream ended', () => {
  assert.throws(() => readStream(s.stream().subarray(0, 20), s.expected), {
    message: "byte 20 of the migration stream: expected the machine's name, found the end of the stream",
  });
});
