import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '../../contracts/clock.js';
import type { Codec } from '../../contracts/codec.js';
import { DeadLetters } from '../../core/dead-letters/dead-letters.js';
import type { StoredLetter } from '../../core/dead-letters/stored-letter.js';
import { FunqConfigError } from '../../core/errors.js';
import { Events } from '../../core/events.js';
import { checkQueueName } from '../../core/options/names.js';
import { BrokerRegistry } from '../broker.registry.js';
import { ConsumerCatalog } from '../consuming/consumer.catalog.js';
import type { FunqSettings } from '../funq.options.js';
import { FUNQ_CLOCK, FUNQ_CODEC, FUNQ_SETTINGS } from '../funq.tokens.js';

/** Where the letters that are meant lie. */
export interface Place {
  /** Name of the broker. */
  readonly broker: string;
  readonly letters: DeadLetters;
  readonly queue: string;
  /** Those that belong to what was asked for, where several share the queue. */
  readonly belongs: ((letter: StoredLetter) => boolean) | undefined;
}

/** Knows where the dead letters of a queue lie. */
@Injectable()
export class DeadLetterPlaces {
  constructor(
    private readonly brokers: BrokerRegistry,
    private readonly catalog: ConsumerCatalog,
    private readonly events: Events,
    @Inject(FUNQ_SETTINGS) private readonly settings: FunqSettings,
    @Inject(FUNQ_CLOCK) private readonly clock: Clock,
    @Inject(FUNQ_CODEC) private readonly codec: Codec,
  ) {}

  /** `queue` is one of tasks or, where no consumer of this app has it, one of dead letters. */
  find(queue: string, broker: string | undefined): Place {
    checkQueueName(queue, 'dead letters');
    const consumer = this.catalog.ofQueue(queue, broker);
    if (!consumer) {
      const [buried] = this.catalog.burying(queue);
      const own = buried || queue.endsWith('.dead') ? queue : `${queue}.dead`;
      return this.#place(queue, broker ?? buried?.broker ?? 'default', own);
    }
    const { deadLetter, handler } = consumer;
    if (deadLetter === undefined) throw keepsNone(queue, handler);
    const alone = deadLetter === `${queue}.dead` && this.catalog.burying(deadLetter).length === 1;
    const belongs = alone ? undefined : (letter: StoredLetter): boolean => letter.queue === queue;
    return this.#place(queue, consumer.broker, deadLetter, belongs);
  }

  #place(asked: string, broker: string, queue: string, belongs?: Place['belongs']): Place {
    const { outbox } = this.brokers.get(broker, `dead letters of ${asked}`);
    const { codec, clock, events, settings } = this;
    const letters = new DeadLetters({ name: broker, outbox, codec, clock, events, maxPayload: settings.maxPayload });
    return { broker, letters, queue, belongs };
  }
}

function keepsNone(queue: string, handler: string): FunqConfigError {
  return new FunqConfigError(
    'FUNQ_OPTION_INVALID',
    `${handler} has deadLetter: false, so ${queue} has no dead letters; name a dead-letter queue to see those of single tasks`,
  );
}
