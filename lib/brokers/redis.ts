export function redis(): never {
  throw new Error('not there yet');
}
