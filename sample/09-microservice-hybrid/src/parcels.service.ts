import { Controller } from '@nestjs/common';
import { EventPattern, MessagePattern } from '@nestjs/microservices';
import { FunqPublisher } from 'nestjs-funq';
import { Labels } from './labels.js';

/** The patterns. A handler publishes tasks as any provider does. */
@Controller()
export class ParcelsService {
  constructor(
    private readonly funq: FunqPublisher,
    private readonly labels: Labels,
  ) {}

  @EventPattern('parcel.handed', { concurrency: 10 })
  async handed(parcel: { readonly id: string }): Promise<void> {
    await this.funq.to(Labels).print(parcel.id);
  }

  @MessagePattern('parcel.state')
  state(id: string): { id: string; label: string | null } {
    return { id, label: this.labels.of(id) };
  }
}
