import {
  Catch,
  type ArgumentsHost,
  type CallHandler,
  type CanActivate,
  type ExceptionFilter,
  type ExecutionContext,
  type NestInterceptor,
  type PipeTransform,
  type Type,
} from '@nestjs/common';
import { tap, type Observable } from 'rxjs';

/** Enhancers that write their name into `book` when they are passed. */
export function recorders(book: string[]): {
  guard(name: string): CanActivate;
  interceptor(name: string): NestInterceptor;
  pipe(name: string): PipeTransform;
  filter(name: string, answer?: (error: unknown) => unknown): ExceptionFilter;
  filterClass(name: string): Type<ExceptionFilter>;
} {
  const filterClass = (name: string, answer: (error: unknown) => unknown = rethrow): Type<ExceptionFilter> => {
    @Catch()
    class Recorder implements ExceptionFilter {
      catch(error: unknown, host: ArgumentsHost): unknown {
        book.push(`filter ${name} (${host.getType()})`);
        return answer(error);
      }
    }
    return Recorder;
  };
  return {
    guard: (name) => ({
      canActivate: (context: ExecutionContext) => {
        book.push(`guard ${name} (${context.getType()})`);
        return true;
      },
    }),
    interceptor: (name) => ({
      intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
        book.push(`> ${name} (${context.getType()})`);
        const leave = (): unknown => book.push(`< ${name}`);
        return next.handle().pipe(tap({ complete: leave, error: leave }));
      },
    }),
    pipe: (name) => ({
      transform: (value: unknown) => {
        book.push(`pipe ${name} ${String(value)}`);
        return value;
      },
    }),
    filter: (name, answer) => new (filterClass(name, answer))(),
    filterClass,
  };
}

function rethrow(error: unknown): never {
  throw error;
}
