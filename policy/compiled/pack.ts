import { DefaultDeserializer, DefaultSerializer } from 'node:v8';

/**
 * A value as bytes of two kinds: the tree of its objects, maps and strings, and the typed arrays in it, which stand
 * one after the other so that reading makes views on them and copies nothing.
 */
export interface Packed {
  readonly tree: Uint8Array;
  readonly columns: readonly Uint8Array[];
}

/** The kinds of typed arrays a value may hold, by their number in the tree. */
const KINDS = [Uint8Array, Uint16Array, Int32Array, Uint32Array] as const;
type Kind = (typeof KINDS)[number];

/** Every column starts at a multiple of this. */
const alignment = 8;

class Packer extends DefaultSerializer {
  readonly columns: Uint8Array[] = [];
  offset = 0;

  _writeHostObject(view: InstanceType<Kind>): void {
    const kind = KINDS.findIndex((one) => view instanceof one);
    if (kind < 0) throw new TypeError('a value holds a view of another kind');
    this.writeUint32(kind);
    this.writeUint32(this.offset);
    this.writeUint32(view.length);
    const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
    const padding = (alignment - (bytes.length % alignment)) % alignment;
    this.columns.push(bytes, new Uint8Array(padding));
    this.offset += bytes.length + padding;
  }
}

class Unpacker extends DefaultDeserializer {
  readonly #columns: Uint8Array<ArrayBuffer>;

  constructor(tree: Uint8Array, columns: Uint8Array<ArrayBuffer>) {
    super(tree);
    this.#columns = columns;
  }

  _readHostObject(): InstanceType<Kind> {
    const Kind = KINDS[this.readUint32()];
    const offset = this.readUint32();
    const length = this.readUint32();
    const bytes = length * (Kind?.BYTES_PER_ELEMENT ?? 0);
    if (Kind === undefined || offset % alignment !== 0 || offset + bytes > this.#columns.length) {
      throw new RangeError('a column is outside the form');
    }
    return new Kind(this.#columns.buffer, this.#columns.byteOffset + offset, length);
  }
}

/** Packs a value of plain objects, arrays, maps, sets, strings, numbers and typed arrays. What is shared stays shared. */
export function pack(value: unknown): Packed {
  const packer = new Packer();
  packer.writeHeader();
  packer.writeValue(value);
  return { tree: packer.releaseBuffer(), columns: packer.columns };
}

/** The value again, its typed arrays views on `columns`. Throws when the bytes hold no value. */
export function unpack(tree: Uint8Array, columns: Uint8Array<ArrayBuffer>): unknown {
  const unpacker = new Unpacker(tree, columns);
  unpacker.readHeader();
  return unpacker.readValue();
}
