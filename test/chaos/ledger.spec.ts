import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { LedgerReader, LedgerWriter } from '../../chaos/rig/ledger.js';

function ledgerFile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'funq-ledger-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return join(folder, 'ledger.txt');
}

it('a ledger is read as it was written, by several, piece by piece', () => {
  const file = ledgerFile();
  const reader = new LedgerReader(file);
  expect(reader.read()).toEqual([]);
  const [first, second] = [new LedgerWriter(file, 'c1'), new LedgerWriter(file, 'c2')];
  first.write('start', 'a', 1);
  second.write('rejected', 'b', 'FUNQ_SQLITE_FULL');
  expect(reader.read()).toMatchObject([
    { by: 'c1', mark: 'start', task: 'a', note: '1' },
    { by: 'c2', mark: 'rejected', task: 'b', note: 'FUNQ_SQLITE_FULL' },
  ]);
  first.write('fault', undefined, undefined, 'c7');
  expect(reader.read()).toMatchObject([{ by: 'c7', mark: 'fault', task: '-', note: '-' }]);
  expect(reader.read()).toEqual([]);
  first.close();
  second.close();
});

it('a line that a killed process left half-written is passed over and spoils no other', () => {
  const file = ledgerFile();
  const reader = new LedgerReader(file);
  const writer = new LedgerWriter(file, 'c1');
  // Cut off within the number of a task: what is left looks like another task's.
  appendFileSync(file, '\n1000 c9 end task-1');
  writer.write('end', 'task-2', 1);
  appendFileSync(file, '\n1000 c9 en');
  expect(reader.read().map(({ task }) => task)).toEqual(['task-2']);
  appendFileSync(file, 'd task-3 1 ;\n');
  expect(reader.read().map(({ task }) => task)).toEqual(['task-3']);
  writer.close();
});
