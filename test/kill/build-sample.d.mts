export const MAIN: string;
export function buildSample(): void;
