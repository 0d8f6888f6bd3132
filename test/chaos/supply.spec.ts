import { expect, it } from 'vitest';
import type { PublishOrder } from '../../chaos/process/order.js';
import type { Fleet } from '../../chaos/rig/fleet.js';
import { History } from '../../chaos/rig/history.js';
import type { Mark } from '../../chaos/rig/ledger.js';
import { Supply } from '../../chaos/rig/supply.js';

/** A supply of two tasks that were published and executed, with a third one under way; the test notes what becomes of it. */
function supplied() {
  const orders: number[] = [];
  const send = ({ more }: PublishOrder): void => void orders.push(more);
  const publishers = [{ name: 'p', child: { connected: true, send } }];
  const history = new History();
  const note = (mark: Mark, task: string): void => history.add({ at: 0, by: 'p', mark, task, note: '-' });
  const supply = new Supply({ publishers } as unknown as Fleet, history, 2);
  supply.supply();
  for (const task of ['a', 'b']) {
    note('acknowledged', task);
    note('end', task);
    supply.supply();
  }
  return { supply, orders, note, publishers };
}

it('is complete when what is under way has come, too: else nobody would wait for its execution', () => {
  const { supply, orders, note } = supplied();
  expect(orders).toEqual([1, 1, 1]);
  supply.close();
  expect(supply.isComplete).toBe(false);
  note('acknowledged', 'c');
  expect(supply.isComplete).toBe(true);
});

it('counts what was refused as come, and expects nothing of a publisher that is gone', () => {
  const { supply, note, publishers } = supplied();
  expect(supply.isComplete).toBe(false);
  note('rejected', 'c');
  expect(supply.isComplete).toBe(true);
  note('end', 'c');
  supply.supply();
  expect(supply.isComplete).toBe(false);
  publishers.pop();
  expect(supply.isComplete).toBe(true);
});
