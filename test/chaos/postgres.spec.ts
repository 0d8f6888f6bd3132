import { survivesAll } from './run-chaos.js';

survivesAll('postgres');
