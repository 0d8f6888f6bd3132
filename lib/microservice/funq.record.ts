import type { PublishOptions } from '../nest/publishing/publish.options.js';

/**
 * Data with options of its own: `client.emit('mail', new FunqRecord(mail, { delay: '10m', priority: 5 }))`.
 *
 * @publicApi
 */
export class FunqRecord<T = unknown> {
  constructor(
    readonly data: T,
    readonly options: Omit<PublishOptions, 'broker'> = {},
  ) {}
}
