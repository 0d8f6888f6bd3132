// Publishes to a broker that other processes consume from, and ends.
import { paced } from '../contenders/funq-latency.mjs';
import { startApp } from './funq-app.mjs';

const { broker, file, perSecond, tasks } = JSON.parse(process.argv[2]);
const { funq, close } = await startApp({ broker, file });
await paced(tasks, perSecond, () => funq.publish('bench', [performance.timeOrigin + performance.now()]));
await close();
