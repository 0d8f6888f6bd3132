import { Injectable } from '@nestjs/common';

@Injectable()
export class Customers {
  readonly #names = ['ada', 'grace', 'edsger'];

  all(): readonly string[] {
    return this.#names;
  }
}
