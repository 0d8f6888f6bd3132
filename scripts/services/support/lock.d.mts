/** Does `work` while no other process does, of all that name the same file. The lock of a process that died is taken over. */
export function withLock<T>(file: string, work: () => Promise<T>): Promise<T>;
