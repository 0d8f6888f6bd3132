/** The README with the table of brokers as it must be. */
export function withTable(readme: string): Promise<string>;
