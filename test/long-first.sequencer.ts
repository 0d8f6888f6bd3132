import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * Real processes that are harmed take minutes. Begun last, as small files are, one of them would keep a worker busy long after the
 * other one has nothing left to do.
 */
export class LongFirstSequencer extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isLong = ({ moduleId }: TestSpecification): boolean => moduleId.includes('/test/chaos/');
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}
