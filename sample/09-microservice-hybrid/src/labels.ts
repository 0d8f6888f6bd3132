import { Injectable } from '@nestjs/common';
import { Consumer } from 'nestjs-funq';

/** A provider whose method runs as tasks in the same process. */
@Injectable()
export class Labels {
  readonly #printed = new Map<string, string>();

  @Consumer({ queue: 'labels', rate: 20 })
  print(id: string): void {
    this.#printed.set(id, `*${id}*`);
  }

  of(id: string): string | null {
    return this.#printed.get(id) ?? null;
  }
}
