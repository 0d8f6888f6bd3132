import { Injectable } from '@nestjs/common';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { Consumer } from 'nestjs-funq';
import { boot, collect, done, turns } from '../support/app.js';

@Injectable()
class Mails {
  @Consumer({ queue: 'mails' })
  send(to: string, subject = 'none'): string {
    return `${to}: ${subject}`;
  }
}

describe('the object that to() gives', () => {
  it('can be awaited, printed and looked at without harm', async () => {
    const { funq, events } = await boot({ providers: [Mails] });
    const remote = funq.to(Mails);
    expect(await remote).toBe(remote);
    expect(await Promise.all([remote, funq.ask(Mails)])).toHaveLength(2);
    expect(inspect(remote)).toBe('[Object: null prototype] {}');
    expect(JSON.stringify({ remote })).toBe('{"remote":{}}');
    expect(String(inspect({ remote }, { showProxy: true }))).toContain('remote');
    expect(remote).toEqual(remote);
    expect(() => `${remote as unknown as string}`).toThrow(TypeError);
    expect(typeof remote).toBe('object');
    await turns();
    expect((await done(events, () => remote.send('x'))).value).toBe('x: none');
  });

  it('may be kept and used as often as wanted', async () => {
    const { funq, events } = await boot({ providers: [Mails] });
    const { send } = funq.to(Mails, { headers: { a: 'b' } });
    const ended = collect(events, 'done', 2);
    await Promise.all([send('x'), send('y')]);
    expect((await ended).map(({ task }) => task.headers)).toEqual([{ a: 'b' }, { a: 'b' }]);
  });
});
