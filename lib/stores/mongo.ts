export function mongoResults(): never {
  throw new Error('not there yet');
}
