export interface Order {
  readonly id: string;
  readonly customer: string;
  readonly items: readonly string[];
}

/** Prices in cents. */
export const PRICES: Readonly<Record<string, number>> = { tea: 420, cup: 990, pot: 2450 };
