import { Injectable } from '@nestjs/common';
import { describe, expect, it, vi } from 'vitest';
import { Consumer, FUNQ_CODEC, getBrokerToken, type Broker, type Codec } from 'nestjs-funq';
import { memoryCoordination, memoryResults } from 'nestjs-funq/stores/memory';
import { ManualClock } from 'nestjs-funq/testing';
import { boot } from '../support/app.js';

@Injectable()
class Jobs {
  @Consumer({ queue: 'filtered', persist: 'result', filter: true })
  filtered(x: number): { x: number } {
    return { x };
  }
  @Consumer({ queue: 'paced', persist: 'status', rate: 0.01, retry: 0 })
  paced(): void {}
}

async function persisting() {
  const clock = new ManualClock();
  const results = memoryResults();
  const stores = { results, coordination: memoryCoordination() };
  const booted = await boot({ providers: [Jobs] }, { clock, stores });
  return { ...booted, clock, results };
}

describe('the record of a task', () => {
  it('that was done when its process died, before it could say so, has the result of its run', async () => {
    const { app, clock, results } = await persisting();
    const broker = app.get<Broker>(getBrokerToken());
    const codec = app.get<Codec>(FUNQ_CODEC);
    const envelope = { v: 1, id: 'f', args: [7], publishedAt: clock.now(), attempt: 1 } as const;
    await broker.publish('filtered', [{ id: 'f', body: codec.encode(envelope) }]);
    await clock.advance(1000);
    // As a broker hands it out again.
    await broker.publish('filtered', [{ id: 'f', body: codec.encode({ ...envelope, deliveries: 1 }) }]);
    await clock.advance(1000);
    const record = (await results.find('f'))!;
    expect(record.finishedAt).toBe(envelope.publishedAt + 1000);
    expect(record).toMatchObject({ status: 'done', attempts: 1 });
    expect(codec.decodeValue(record.value!)).toEqual({ x: 7 });
  });

  it('that became too old while it waited for its start tells of no run', async () => {
    const { funq, clock, results } = await persisting();
    await funq.publish('paced', [], { id: 'one', expire: '1m' });
    await funq.publish('paced', [], { id: 'two', expire: '1m' });
    await clock.advance(200_000);
    expect(await results.find('one')).toMatchObject({ status: 'done', attempts: 1 });
    expect(await results.find('two')).toMatchObject({ status: 'expired', attempts: 0 });
  });

  it('that was given back while it waited for its start tells of no run', async () => {
    const { funq, clock, results, close } = await persisting();
    const save = vi.spyOn(results, 'save');
    await funq.publish('paced', [], { id: 'one' });
    await funq.publish('paced', [], { id: 'two' });
    await clock.advance(1000);
    await close();
    const saved = save.mock.calls.flatMap(([list]) => list);
    expect(saved.find(({ id }) => id === 'two')).toMatchObject({ status: 'released', attempts: 0 });
  });
});
