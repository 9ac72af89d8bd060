/** A growing column of 32-bit numbers; `data` is replaced when it grows, so read it anew after a push. */
export interface Column {
  data: Int32Array;
  length: number;
}

export function createColumn(capacity = 64): Column {
  return { data: new Int32Array(capacity), length: 0 };
}

/** Appends and returns the row. */
export function push(column: Column, value: number): number {
  if (column.length === column.data.length) {
    const larger = new Int32Array(column.data.length * 2);
    larger.set(column.data);
    column.data = larger;
  }
  column.data[column.length] = value;
  return column.length++;
}

/** Makes room for `more` values at once, where it is known how many come, and to spare: what is not used costs nothing. */
export function reserve(column: Column, more: number): void {
  const capacity = column.length + more;
  if (capacity <= column.data.length) return;
  const larger = new Int32Array(capacity + (capacity >> 1));
  larger.set(column.data.subarray(0, column.length));
  column.data = larger;
}
