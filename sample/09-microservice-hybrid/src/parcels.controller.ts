import { Body, Controller, Get, HttpCode, Inject, Param, Post } from '@nestjs/common';
import type { ClientProxy } from '@nestjs/microservices';
import { lastValueFrom, type Observable } from 'rxjs';

export const PARCELS = Symbol('parcels');

/** HTTP on this side, queues on the other: another process could answer as well. */
@Controller('parcels')
export class ParcelsController {
  constructor(@Inject(PARCELS) private readonly parcels: ClientProxy) {}

  @Get(':id')
  state(@Param('id') id: string): Observable<unknown> {
    return this.parcels.send('parcel.state', id);
  }

  /** Accepted when the broker holds the event. */
  @Post()
  @HttpCode(202)
  async hand(@Body() parcel: { readonly id: string }): Promise<{ accepted: string }> {
    await lastValueFrom(this.parcels.emit('parcel.handed', parcel));
    return { accepted: parcel.id };
  }
}
