export function mongo(): never {
  throw new Error('not there yet');
}
