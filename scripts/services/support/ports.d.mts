/** Different ports of the loopback address that nobody listens at now, and that no outgoing connection is given. */
export function freePorts(count: number): Promise<number[]>;
