import { listsOf } from '../policydb/lists.ts';
import type { Policydb } from '../policydb/policydb.ts';
import { fault, type Reader, readMembers } from './reader.ts';
import { knownValue } from './symbol-table.ts';

/** Reads which attributes each type has; rules keep naming attributes, as they do in a source. */
export function readTypeAttributes(reader: Reader, db: Policydb): void {
  const { types } = db;
  const valueMax = types.names.length - 1;
  const lists: (readonly number[])[] = [[0]];
  for (let type = 1; type <= valueMax; type++) {
    const at = reader.offset;
    const list = readMembers(reader, 1);
    for (const attribute of list) {
      if (attribute === type) continue;
      knownValue(reader, types, 'attribute', attribute, at);
      const members = types.members[attribute];
      if (members === undefined || types.isAttribute[type] || !types.names[type]) {
        fault(reader, `${type} cannot have the attribute ${attribute}`, at);
      }
      members.add(type);
    }
    if (!list.includes(type)) list.push(type);
    lists.push(list.sort((left, right) => left - right));
  }
  types.attributesOf = listsOf(lists);
}
