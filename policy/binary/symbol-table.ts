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
): number {
  const at = reader.offset;
  const valueMax = readU32(reader);
  if (valueMax > valuesMax) fault(reader, `${valueMax} ${what}, more than ${valuesMax}`, at);
  const entries = readCount(reader, what, bytesEach);
  for (let entry = 0; entry < entries; entry++) readEntry(valueMax);
  return valueMax;
}

/** The same, its names filled in up to the highest value. */
export function readNamedTable(
  reader: Reader,
  what: string,
  bytesEach: number,
  names: Names,
  readEntry: (valueMax: number) => void,
): number {
  const valueMax = readTable(reader, what, bytesEach, readEntry);
  while (names.names.length <= valueMax) names.names.push('');
  return valueMax;
}

/** Declares what was read at `at`: a name of its own, or with `alias` one more for its value. */
export function declare(
  reader: Reader,
  names: Names,
  entry: { readonly what: string; readonly name: string; readonly value: number; readonly alias: boolean },
  valueMax: number,
  at: number,
): void {
  const { what, name, value, alias } = entry;
  if (value < 1 || value > valueMax) fault(reader, `${what} \`${name}\` has value ${value} of ${valueMax}`, at);
  if (names.values.has(name)) fault(reader, `${what} \`${name}\` is there twice`, at);
  names.values.set(name, value);
  if (alias) {
    reader.aliases.push({ what, name, value, names });
    return;
  }
  while (names.names.length <= value) names.names.push('');
  if (names.names[value] !== '') fault(reader, `${what} \`${name}\` has the value of \`${names.names[value]}\``, at);
  names.names[value] = name;
}

/** Checks that what aliases stand for is there. */
export function checkAliases(reader: Reader): void {
  for (const { what, name, value, names } of reader.aliases) {
    if (!names.names[value]) fault(reader, `${what} \`${name}\` is another name of nothing`);
  }
}

/** The value of something that must be declared, read just now. */
export function readValue(reader: Reader, names: Names, what: string): number {
  return knownValue(reader, names, what, readU32(reader), reader.offset - 4);
}

export function knownValue(reader: Reader, names: Names, what: string, value: number, at: number): number {
  return names.names[value] ? value : fault(reader, `unknown ${what} ${value}`, at);
}
