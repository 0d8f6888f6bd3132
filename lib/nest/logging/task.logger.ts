import { Inject, Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import type { Clock } from '../../contracts/clock.js';
import type { Policy } from '../../contracts/policy.js';
import type { Task } from '../../contracts/task.js';
import { currentTask } from '../../core/consuming/current-task.js';
import { recordError } from '../../core/error-record.js';
import { Events } from '../../core/events.js';
import { FUNQ_CLOCK } from '../funq.tokens.js';
import { LogDamper } from './log.damper.js';

/** Writes what the engine tells through Nest's `Logger`: a task's line names its queue, id and attempt. */
@Injectable()
export class TaskLogger implements OnModuleInit, OnModuleDestroy {
  readonly #logger = new Logger('Funq');
  readonly #onLeak = (error: unknown): void => this.#leaked(error);

  readonly #damper: LogDamper;

  constructor(
    private readonly events: Events,
    @Inject(FUNQ_CLOCK) clock: Clock,
  ) {
    this.#damper = new LogDamper(clock);
  }

  onModuleInit(): void {
    const { events } = this;
    const log = this.#logger;
    const damper = this.#damper;
    // Of each task: not even the text is made when nobody will see it.
    events.on('done', ({ task, duration }) => {
      if (Logger.isLevelEnabled('debug')) log.debug(`${label(task)} done in ${Math.round(duration)} ms`);
    });
    events.on('failed', ({ task, error, again }) =>
      log.warn(`${label(task)} failed: ${brief(error)}${again ? '; runs again' : ''}`),
    );
    events.on('requeued', ({ task, delay }) => log.debug(`${label(task)} requeued, delay ${delay} ms`));
    events.on('retried', ({ task, delay }) => log.debug(`${label(task)} runs again in ${Math.round(delay)} ms`));
    events.on('filtered', ({ task, reason }) => log.debug(`${label(task)} filtered: ${line(reason)}`));
    events.on('expired', ({ task, reason }) => log.warn(`${label(task)} expired: ${line(reason)}`));
    events.on('discarded', ({ task, reason }) => log.debug(`${label(task)} discarded: ${line(reason)}`));
    events.on('dead', ({ queue, task, letter, deadLetter }) => {
      const text = `is dead (${letter.code}): ${line(letter.reason)}; ${deadLetter ? `kept in ${deadLetter}` : 'dropped'}`;
      if (task) log.error(`${label(task)} ${text}`);
      else damper.say(`dead ${queue}`, (more) => log.error(`${queue} message ${text}${more}`));
    });
    events.on('replayed', ({ queue, deadLetter, id }) =>
      log.debug(`${line(`${queue} ${id ?? 'message'}`)} replayed from ${deadLetter}`),
    );
    events.on('released', ({ task }) => log.log(`${label(task)} given back: this process stops`));
    events.on('late', ({ task }) => log.warn(`${label(task)} ended after it had been given up; ignored`));
    events.on('leaseLost', ({ queue, task }) =>
      log.warn(`${task ? label(task) : queue} lost its lease; it may run elsewhere`),
    );
    events.on('newerVersion', ({ queue, error }) =>
      damper.say(`newer ${queue}`, (more) => log.warn(`${queue}: ${line(error.message)}${more}`)),
    );
    events.on('settleFailed', ({ queue, task, error }) =>
      log.error(`${task ? label(task) : queue} could not be settled: ${brief(error)}`),
    );
    events.on('replyFailed', ({ queue, task, error }) =>
      log.warn(`${task ? label(task) : queue} could not be answered: ${brief(error)}`),
    );
    events.on('report', ({ text }) => log.log(text));
    events.on('countFailed', ({ queue, broker, error }) =>
      log.warn(`${queue} on broker '${broker}' can't be counted, so its time left is unknown: ${brief(error)}`),
    );
    events.on('away', ({ what, error }) =>
      log.error(`${what} is away, the app goes on without it and tries again: ${brief(error)}`),
    );
    events.on('brokerError', ({ queue, broker, error, attempt, delay }) =>
      log.error(
        `${queue} on broker '${broker}', failure ${attempt}: ${brief(error)}; again in ${Math.round(delay)} ms`,
      ),
    );
    events.on('recovered', ({ queue, broker }) => log.log(`${queue} on broker '${broker}' is being consumed again`));
    events.on('heartbeatFailed', ({ error, delay }) =>
      log.warn(
        `nothing keeps leases while the event loop is blocked, so tasks may run elsewhere then: ${brief(error)}; again in ${Math.round(delay)} ms`,
      ),
    );
    events.on('rateBound', ({ queue, concurrency }) =>
      log.warn(`${queue}: all ${concurrency} slots are busy, its rate can't be kept`),
    );
    events.on('window', ({ queue, open }) => log.log(`${queue}: window ${open ? 'open' : 'closed'}`));
    events.on('changed', ({ policy, paused }) => log.log(`${policy.queue}: ${line(inForce(policy, paused))}`));
    events.on('scheduled', ({ queue, id }) => log.debug(`${line(`${queue} ${id}`)} scheduled`));
    events.on('scheduleFailed', ({ schedule, queue, error, attempt, delay }) =>
      damper.say(`schedule ${schedule}`, (more) =>
        log.error(
          `schedule ${schedule} of ${queue}, failure ${attempt}: ${brief(error)}; again in ${Math.round(delay)} ms${more}`,
        ),
      ),
    );
    events.on('resultsDropped', ({ count, error }) =>
      damper.say('results', (more) => log.error(`${count} results could not be saved: ${brief(error)}${more}`)),
    );
    events.on('storeError', ({ store, error }) =>
      damper.say(`store ${store}`, (more) => log.warn(`store ${store} failed: ${brief(error)}${more}`)),
    );
    events.on('optionFailed', ({ task, option, error }) =>
      damper.say(`${option} ${task.queue}`, (more) =>
        log.error(`${label(task)}: ${option} threw ${brief(error)}${more}`),
      ),
    );
    events.on('mismatch', ({ queue, host, pid }) =>
      log.warn(`${queue} is consumed with other options by process ${pid} on ${host}`),
    );
    process.on('uncaughtExceptionMonitor', this.#onLeak);
  }

  onModuleDestroy(): void {
    process.off('uncaughtExceptionMonitor', this.#onLeak);
    this.#damper.close();
  }

  /** Names the task whose function threw when nobody waited for it any more; what Node does then stays Node's affair. */
  #leaked(error: unknown): void {
    const task = currentTask();
    if (task) this.#logger.fatal(`${label(task)} leaked an error after its function had ended: ${brief(error)}`);
  }
}

function label(task: Task): string {
  return line(`${task.queue} ${task.id} #${task.attempt}`);
}

function inForce({ rate, concurrency }: Policy, paused: boolean): string {
  const pace = rate ? `${Number((1000 / rate.interval).toPrecision(3))} starts per second` : 'no rate limit';
  return `${pace}, concurrency ${concurrency}${paused ? ', paused' : ''} from now on`;
}

/** An error in one line. */
export function brief(error: unknown): string {
  const { name, message } = recordError(error);
  return line(`${name}: ${message}`);
}

/** Texts come from anywhere; none may look like another line of the log. */
function line(text: string): string {
  return text.slice(0, 500).replace(/\p{Cc}+/gu, ' ');
}
