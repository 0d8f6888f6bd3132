export function rabbitmq(): never {
  throw new Error('not there yet');
}
