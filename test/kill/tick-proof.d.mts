import type { ScheduleOptions } from 'nestjs-funq';

export interface PublishedTick {
  readonly id: string;
  readonly due: number;
  readonly late: number;
}

export function proveTicks(options: {
  schedule: ScheduleOptions;
  ticks: number;
  processes?: number;
  kills?: number;
  random?: () => number;
  log?: (line: string) => void;
}): Promise<PublishedTick[]>;
