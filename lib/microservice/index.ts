export { FunqClient } from './funq.client.js';
export { FunqContext } from './funq.context.js';
export { FunqExceptionFilter } from './exception.filter.js';
export { FunqRecord } from './funq.record.js';
export { FUNQ_TRANSPORT, FunqServer } from './funq.server.js';
export type { FunqClientOptions, FunqServerOptions, FunqStatus, TransportEvents } from './transport.options.js';
export { patternQueue } from './pattern.queue.js';
