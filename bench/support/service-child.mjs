// The service of a measurement, in a process of its own.
import { startService } from './bench-service.mjs';
import { openTransport } from './transports.mjs';

const { transport, place } = JSON.parse(process.argv[2]);
await startService(openTransport(transport, place).server());
process.send('ready');
process.on('disconnect', () => process.exit(0));
