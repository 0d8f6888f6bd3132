import { survivesAll } from './run-chaos.js';

survivesAll('kafka', {
  freeze: 'a process that wakes gets one of some thirty late acknowledgements accepted, in every other run',
});
