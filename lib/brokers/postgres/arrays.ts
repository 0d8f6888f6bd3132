const BYTEA = 17;
const HEAD = 20;

/**
 * A `bytea[]` as the wire carries it: a header of five numbers, then length and bytes of each. As text every byte would be two
 * digits, to be written here and read there.
 */
export function bytesArray(list: readonly Uint8Array[]): Buffer {
  const array = Buffer.allocUnsafe(list.reduce((size, bytes) => size + 4 + bytes.length, HEAD));
  let at = 0;
  // Dimensions, nulls, type, members, index of the first.
  for (const number of [1, 0, BYTEA, list.length, 1]) at = array.writeInt32BE(number, at);
  for (const bytes of list) {
    at = array.writeInt32BE(bytes.length, at);
    array.set(bytes, at);
    at += bytes.length;
  }
  return array;
}

/** An array of numbers as text; none of them where all are missing, for `unnest` fills up with nulls. */
export function numbersArray(list: readonly (number | undefined)[]): string {
  if (list.every((number) => number === undefined)) return '{}';
  return `{${list.map((number) => number ?? 'NULL').join()}}`;
}
