import { survivesAll } from './run-chaos.js';

survivesAll('kafka');
