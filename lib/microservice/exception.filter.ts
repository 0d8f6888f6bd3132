import { Catch, type ArgumentsHost, type RpcExceptionFilter } from '@nestjs/common';
import { BaseRpcExceptionFilter } from '@nestjs/microservices';
import { throwError, type Observable } from 'rxjs';
import { FUNQ_CONTEXT } from '../nest/funq.tokens.js';
import { FunqContext } from './funq.context.js';

/**
 * Lets the engine see what was thrown, before Nest makes "Internal server error" of it: dead letters and logs have the error
 * itself, `retry.when` is asked about it, `RequeueError` and `DeadLetterError` do what they say. Callers get what they get
 * without it, also those of `@Consumer()` methods. `microservice.useGlobalFilters(new FunqExceptionFilter())`
 *
 * @publicApi
 */
@Catch()
export class FunqExceptionFilter extends BaseRpcExceptionFilter implements RpcExceptionFilter {
  override catch(exception: unknown, host: ArgumentsHost): Observable<never> {
    const context: unknown = host.switchToRpc().getContext();
    const known = context instanceof FunqContext || host.getType<string>() === FUNQ_CONTEXT;
    if (known) return throwError(() => exception);
    return super.catch(exception as Error, host) as Observable<never>;
  }
}
