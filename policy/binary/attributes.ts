import { createColumn, push } from '../policydb/column.ts';
import { withMembers } from '../policydb/members.ts';
import { type Policydb, valuesMax } from '../policydb/policydb.ts';
import { fault, type Reader } from './reader.ts';
import { countMember, visitBits } from './sets.ts';
import { knownValue } from './symbol-table.ts';

/** Reads which attributes each type has; rules keep naming attributes, as they do in a source. */
export function readTypeAttributes(reader: Reader, db: Policydb): void {
  const { names, isAttribute } = db.types;
  const starts = new Uint32Array(names.length + 1);
  const values = createColumn(names.length * 8);
  push(values, 0);
  starts[1] = 1;
  let type = 1;
  let at = 0;
  let hasItself = false;
  // Bits rise, and a type has itself wherever it stands among them.
  const add = (bit: number): void => {
    countMember(reader);
    const attribute = bit + 1;
    if (attribute > type) addItself();
    if (attribute === type) return;
    knownValue(reader, db.types, 'attribute', attribute, at);
    if (isAttribute[attribute] !== true || isAttribute[type] === true || !names[type]) {
      fault(reader, `${type} cannot have the attribute ${attribute}`, at);
    }
    push(values, attribute);
  };
  const addItself = (): void => {
    if (!hasItself) push(values, type);
    hasItself = true;
  };
  for (; type < names.length; type++) {
    at = reader.offset;
    hasItself = false;
    visitBits(reader, valuesMax, add);
    addItself();
    starts[type + 1] = values.length;
  }
  db.types.attributesOf = { starts, values: new Uint16Array(values.data.subarray(0, values.length)) };
  withMembers(db.types);
}
