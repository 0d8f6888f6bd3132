import { Cron } from 'croner';
import { FunqConfigError } from './errors.js';
import { show } from './show.js';

/** Whether a minute, named by any moment in it, matches. Throws `FUNQ_OPTION_INVALID`, naming `option`. */
export type MinutePattern = (epoch: number) => boolean;

/** Matcher of a five-field cron expression in a time zone. */
export function cronMinutes(expression: string, timeZone: string, option: string): MinutePattern {
  if (expression.trim().split(/\s+/).length !== 5) {
    throw invalid(option, expression, 'a window takes five fields: minute hour day month weekday');
  }
  try {
    const cron = new Cron(expression, { timezone: timeZone, paused: true, mode: '5-part' });
    if (!cron.nextRun(new Date(0))) throw new RangeError('there is no such date');
    return (epoch) => cron.match(new Date(epoch - (epoch % 60_000)));
  } catch (error) {
    throw invalid(option, expression, (error as Error).message.slice(0, 200));
  }
}

function invalid(option: string, expression: string, why: string): FunqConfigError {
  return new FunqConfigError('FUNQ_OPTION_INVALID', `${option} is ${show(expression)}: ${why}`);
}
