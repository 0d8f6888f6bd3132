export function postgres(): never {
  throw new Error('not there yet');
}
