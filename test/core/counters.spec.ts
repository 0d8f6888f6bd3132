import { expect, it } from 'vitest';
import { ManualClock } from 'nestjs-funq/testing';
import { Counters } from '../../lib/core/counters/counters.js';
import { Events } from '../../lib/core/events.js';

it('counters leave out what goes to queues without a consumer, such as replies: those names are without number', () => {
  const events = new Events();
  const counters = new Counters(events, new ManualClock(), (broker, queue) => broker === 'default' && queue === 'jobs');
  const published = (broker: string, queue: string): number => {
    events.emit('published', { broker, queue, count: 3 });
    return counters.of(broker, queue).total.published;
  };
  expect([published('default', 'jobs'), published('default', 'funq.replies.1'), published('other', 'jobs')]).toEqual([
    3, 0, 0,
  ]);
});
