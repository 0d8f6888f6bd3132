import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';

/** An ordinary mongoose model of the app. */
@Schema()
export class Invoice {
  @Prop({ type: String, required: true })
  customer!: string;

  /** In cents. */
  @Prop({ type: Number, required: true })
  amount!: number;

  @Prop({ type: Date })
  sentAt?: Date;
}

export const InvoiceSchema = SchemaFactory.createForClass(Invoice);
