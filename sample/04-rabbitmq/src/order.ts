/** What the shop tells the world when somebody has bought something. */
export interface Order {
  readonly id: string;
  readonly country: string;
  readonly cents: number;
}
