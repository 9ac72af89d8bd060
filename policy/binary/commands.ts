import type { Commands } from '../policydb/xperm-table.ts';
import { fault, type Reader, readU8, readU32 } from './reader.ts';

/** What the bits of an extended rule count (AVTAB_XPERMS_* of libsepol's avtab.h). */
const COMMANDS_OF_DRIVER = 1;
const DRIVERS = 2;
const WORDS = 8;

/**
 * Reads the commands of an extended rule: some of one driver, which is the high byte of a command, or every command of
 * some drivers.
 */
export function readCommands(reader: Reader): Commands {
  const at = reader.offset;
  const unit = readU8(reader);
  const driver = readU8(reader);
  if (unit !== COMMANDS_OF_DRIVER && unit !== DRIVERS) fault(reader, `an extended rule of unknown kind ${unit}`, at);
  const ranges: number[] = [];
  for (let word = 0; word < WORDS; word++) {
    for (let rest = readU32(reader); rest !== 0; rest &= rest - 1) {
      const bit = word * 32 + 31 - Math.clz32(rest & -rest);
      if (unit === DRIVERS) addRange(ranges, bit * 256, bit * 256 + 255);
      else addRange(ranges, driver * 256 + bit, driver * 256 + bit);
    }
  }
  return Uint16Array.from(ranges);
}

/** Adds a range that is above all others, joined to the last where they touch. */
function addRange(ranges: number[], low: number, high: number): void {
  if (ranges.at(-1) === low - 1) ranges[ranges.length - 1] = high;
  else ranges.push(low, high);
}
