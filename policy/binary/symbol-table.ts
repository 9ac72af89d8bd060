import { type Names, valuesMax } from '../policydb/policydb.ts';
import { fault, type Reader, readCount, readU32 } from './reader.ts';

/**
 * Reads one table of names: the highest value, how many entries there are, and the entries by `readEntry`, each of
 * `bytesEach` bytes at least. There may be values without a name, such as those of role attributes.
 */
export function readTable(
  reader: Reader,
  what: string,
  bytesEach: number,
  readEntry: (valueMax: number) => void,
  prepare?: (valueMax: number) => void,
): void {
  const at = reader.offset;
  const valueMax = readU32(reader);
  if (valueMax > valuesMax) fault(reader, `${valueMax} ${what}, more than ${valuesMax}`, at);
  const entries = readCount(reader, what, bytesEach);
  prepare?.(valueMax);
  for (let entry = 0; entry < entries; entry++) readEntry(valueMax);
}

/** A table of names: what one entry and what all are called, and the bytes an entry has at least. */
export interface TableKind {
  readonly what: string;
  readonly all: string;
  readonly bytesEach: number;
  readonly names: Names;
}

/** The same, its names filled in up to the highest value: `prepare` is told that before entries are read. */
export function readNamedTable(
  reader: Reader,
  { all, bytesEach, names }: TableKind,
  readEntry: (valueMax: number) => void,
  prepare?: (valueMax: number) => void,
): void {
  readTable(reader, all, bytesEach, readEntry, (valueMax) => {
    lengthen(names.names, valueMax, '');
    prepare?.(valueMax);
  });
}

/** Gives a list what it has not up to `last`, at once: a list that grows entry by entry costs three times its size. */
export function lengthen<T>(list: T[], last: number, value: T): void {
  const { length } = list;
  if (length > last) return;
  list.length = last + 1;
  list.fill(value, length);
}

/** Declares what was read at `at`: a name of its own, or with `alias` one more for its value. */
export function declare(
  reader: Reader,
  { what, names: { names, values } }: TableKind,
  valueMax: number,
  name: string,
  value: number,
  alias: boolean,
  at: number,
): void {
  if (value < 1 || value > valueMax) fault(reader, `${what} \`${name}\` has value ${value} of ${valueMax}`, at);
  if (values.has(name)) fault(reader, `${what} \`${name}\` is there twice`, at);
  values.set(name, value);
  if (alias) reader.aliases.push({ what, name, value, names });
  else if (names[value] === '') names[value] = name;
  else fault(reader, `${what} \`${name}\` has the value of \`${names[value]}\``, at);
}

/** Checks that what aliases stand for is there. */
export function checkAliases(reader: Reader): void {
  for (const { what, name, value, names } of reader.aliases) {
    if (!names[value]) fault(reader, `${what} \`${name}\` is another name of nothing`);
  }
}

/** The value of something that must be declared, read just now. */
export function readValue(reader: Reader, names: Names, what: string): number {
  return knownValue(reader, names, what, readU32(reader), reader.offset - 4);
}

export function knownValue(reader: Reader, names: Names, what: string, value: number, at: number): number {
  return names.names[value] ? value : fault(reader, `unknown ${what} ${value}`, at);
}
