import {
  BadRequestException,
  Body,
  DefaultValuePipe,
  Injectable,
  ParseIntPipe,
  ValidationPipe,
  createParamDecorator,
  type ArgumentMetadata,
  type ExecutionContext,
  type PipeTransform,
} from '@nestjs/common';
import { APP_PIPE } from '@nestjs/core';
import { Type } from 'class-transformer';
import { IsInt, IsOptional, Min, ValidateNested } from 'class-validator';
import { describe, expect, it } from 'vitest';
import { Consumer, CurrentTask, taskOf, type Task } from 'nestjs-funq';
import { boot, bootGlobal, collect, dead } from '../support/app.js';

class Line {
  @IsInt()
  @Min(1)
  count!: number;
}

class Order {
  @IsInt()
  id!: number;
  @IsOptional()
  @ValidateNested({ each: true })
  @Type(() => Line)
  lines?: Line[];
  get label(): string {
    return `order ${this.id}`;
  }
}

@Injectable()
class Orders {
  runs = 0;
  @Consumer({ queue: 'orders', retry: 5 })
  place(order: Order, @CurrentTask() task: Task, note: string, at: Date, second?: Order): unknown {
    this.runs++;
    return [order.label, order.lines?.[0] instanceof Line, task.attempt, note, at instanceof Date, second?.label];
  }
}

const at = new Date(0);

describe('a global ValidationPipe', () => {
  it('sees each argument with its own class, and makes instances of it', async () => {
    const { funq } = await bootGlobal({ providers: [Orders] }, (app) =>
      app.useGlobalPipes(new ValidationPipe({ transform: true, whitelist: true })),
    );
    const args = [{ id: 1, lines: [{ count: 2 }], extra: true }, 'note', at, { id: 2 }];
    expect(await funq.ask('orders', args)).toEqual(['order 1', true, 1, 'note', true, 'order 2']);
  });

  it.each<[string, unknown[]]>([
    ['first', [{ id: 'x' }, 'note', at]],
    ['last', [{ id: 1 }, 'note', at, { id: 1.5 }]],
    ['nested', [{ id: 1, lines: [{ count: 0 }] }, 'note', at]],
  ])('refuses a wrong %s argument, with a 400 that is not retried', async (_name, args) => {
    const { funq, events, app } = await boot({
      providers: [Orders, { provide: APP_PIPE, useValue: new ValidationPipe({ transform: true }) }],
    });
    const runs: boolean[] = [];
    events.on('failed', ({ again }) => void runs.push(again));
    const { letter } = await dead(events, () => funq.publish('orders', args));
    expect(letter.errors).toMatchObject([{ name: 'BadRequestException', attempt: 1 }]);
    expect(runs).toEqual([false]);
    expect(app.get(Orders).runs).toBe(0);
    await expect(funq.ask('orders', args)).rejects.toMatchObject({ remoteName: 'BadRequestException' });
  });

  it('leaves alone what has no class to check', async () => {
    @Injectable()
    class Plain {
      @Consumer()
      run(a: string, b: number, c: boolean, d: object, e: unknown, f: string[]): unknown {
        return [a, b, c, d, e, f];
      }
      @Consumer()
      revived(
        a: Map<string, number>,
        b: Set<number>,
        c: bigint,
        d: Uint8Array,
        e: Buffer,
        f?: Map<string, number>,
      ): unknown {
        return [[...a], [...b], c, Buffer.from(d).toString(), e.toString(), f];
      }
    }
    const pipes = { provide: APP_PIPE, useValue: new ValidationPipe({ transform: true }) };
    const { funq } = await boot({ providers: [Plain, pipes] });
    const plain = ['a', 1, true, { x: 1 }, null, ['f']] as const;
    expect(await funq.ask('Plain.run', plain)).toEqual(plain);
    const bytes = Buffer.from('x');
    const revived = await funq.ask(Plain).revived(new Map([['g', 1]]), new Set([2]), 5n, bytes, bytes);
    expect(revived).toEqual([[['g', 1]], [2], 5n, 'x', 'x', undefined]);
  });

  it("validates a class's argument that is missing as Nest does, as an empty object", async () => {
    const { funq } = await boot({
      providers: [Orders, { provide: APP_PIPE, useValue: new ValidationPipe({ transform: true }) }],
    });
    await expect(funq.ask('orders', [{ id: 1 }, 'note', at])).rejects.toMatchObject({
      remoteName: 'BadRequestException',
    });
  });
});

describe('pipes of a parameter', () => {
  @Injectable()
  class Doubling implements PipeTransform<number, number> {
    transform(value: number): number {
      return value * 2;
    }
  }

  @Injectable()
  class Piped {
    @Consumer({ retry: 3 })
    run(@Body(ParseIntPipe) n: number, @Body(new DefaultValuePipe('none'), Upper) text?: string): unknown {
      return [n, text];
    }
    @Consumer()
    double(plain: number, @Body(Doubling) doubled: number): unknown {
      return [plain, doubled];
    }
  }

  it('change what the method gets', async () => {
    const { funq } = await boot({ providers: [Piped] });
    expect(await funq.ask('Piped.run', ['17', 'x'])).toEqual([17, 'X']);
    expect(await funq.ask('Piped.run', ['17'])).toEqual([17, 'NONE']);
    expect(await funq.ask(Piped).double(1, 2)).toEqual([1, 4]);
  });

  it('refuse for good', async () => {
    const { funq, events } = await boot({ providers: [Piped] });
    const failed = collect(events, 'failed', 1);
    const { letter, task } = await dead(events, () => funq.publish('Piped.run', ['seventeen']));
    expect([letter.reason, task?.attempt]).toEqual(['Validation failed (numeric string is expected)', 1]);
    expect(await failed).toMatchObject([{ again: false, error: expect.any(BadRequestException) as Error }]);
  });

  it('run again with each attempt, from the argument as it arrived', async () => {
    const values: number[] = [];
    @Injectable()
    class Again {
      @Consumer({ retry: 2 })
      run(@Body(Doubling) n: number): never {
        values.push(n);
        throw new Error('again');
      }
    }
    const { funq, events } = await boot({ providers: [Again] });
    await dead(events, () => funq.to(Again).run(4));
    expect(values).toEqual([8, 8, 8]);
  });
});

describe('what a pipe is told', () => {
  it("is the argument's place and declared type, the task never being one", async () => {
    const seen: unknown[] = [];
    const spy: PipeTransform = {
      transform(value: unknown, { type, metatype, data }: ArgumentMetadata) {
        seen.push([value, type, metatype, data]);
        return value;
      },
    };
    @Injectable()
    class Told {
      @Consumer()
      run(order: Order, @CurrentTask() _task: Task, name: string): number {
        return order.id + name.length;
      }
    }
    const { funq } = await bootGlobal({ providers: [Told] }, (app) => app.useGlobalPipes(spy));
    await funq.ask('Told.run', [{ id: 1 }, 'x']);
    const positional = seen.filter((entry) => (entry as unknown[])[1] === 'body');
    expect(positional).toEqual([
      [{ id: 1 }, 'body', Order, '0'],
      ['x', 'body', String, '1'],
    ]);
  });
});

describe('createParamDecorator', () => {
  const Tenant = createParamDecorator((fallback: string, context: ExecutionContext) => {
    return taskOf(context).headers['tenant'] ?? fallback;
  });
  const Where = createParamDecorator(async (_data: unknown, context: ExecutionContext) => {
    await Promise.resolve();
    return [context.getType(), context.getClass().name, context.getHandler().name, context.getArgs().length];
  });

  @Injectable()
  class Custom {
    @Consumer()
    run(@Tenant('nobody') tenant: string, a: number, @Where() where: unknown, b: number): unknown {
      return [tenant, a, where, b];
    }
    @Consumer()
    piped(@Tenant('7', ParseIntPipe) tenant: number): unknown {
      return tenant;
    }
  }

  it('takes no place of an argument either', async () => {
    const { funq } = await boot({ providers: [Custom] });
    const where = ['funq', 'Custom', 'run', 3];
    expect(await funq.ask('Custom.run', [1, 2], { headers: { tenant: 't' } })).toEqual(['t', 1, where, 2]);
    expect(await funq.ask('Custom.run', [1, 2])).toEqual(['nobody', 1, where, 2]);
    expect(await funq.ask('Custom.piped', [])).toBe(7);
  });
});

class Upper implements PipeTransform<string, string> {
  transform(value: string): string {
    return value.toUpperCase();
  }
}
