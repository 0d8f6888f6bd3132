export function redisCoordination(): never {
  throw new Error('not there yet');
}
