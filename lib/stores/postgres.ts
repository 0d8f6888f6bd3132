export function postgresStores(): never {
  throw new Error('not there yet');
}
