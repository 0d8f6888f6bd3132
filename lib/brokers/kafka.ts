export function kafka(): never {
  throw new Error('not there yet');
}
