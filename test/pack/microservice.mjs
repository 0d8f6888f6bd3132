// A microservice and its client in one plain JavaScript application: an answer, a refusal, and an event that is retried.
import 'reflect-metadata';
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ClientsModule, EventPattern, MessagePattern, RpcException } from '@nestjs/microservices';
import { currentTask } from 'nestjs-funq';
import { memory } from 'nestjs-funq/memory';
import { FunqClient, FunqServer } from 'nestjs-funq/microservice';
import { lastValueFrom } from 'rxjs';

let arrive;
const arrived = new Promise((resolve) => (arrive = resolve));

class Shop {
  price(items) {
    if (items.length === 0) throw new RpcException('nothing to pay');
    return items.length * 3;
  }
  placed(order) {
    const { attempt } = currentTask();
    if (attempt === 1) throw new RpcException('the mail server is busy');
    arrive(`${order.id} at attempt ${attempt}`);
  }
}
Controller()(Shop);
const method = (name) => [Shop.prototype, name, Object.getOwnPropertyDescriptor(Shop.prototype, name)];
MessagePattern({ cmd: 'price' })(...method('price'));
EventPattern('order.placed', { retry: 1 })(...method('placed'));

const queues = new Map();
const client = { name: 'SHOP', customClass: FunqClient, options: { broker: memory({ queues }) } };
class AppModule {}
Module({ imports: [ClientsModule.register([client])], controllers: [Shop] })(AppModule);

const strategy = new FunqServer({ broker: memory({ queues }) });
const logger = ['fatal'];
const app = await NestFactory.createMicroservice(AppModule, { strategy, logger, abortOnError: false });
await app.listen();
const shop = app.get('SHOP');
await lastValueFrom(shop.emit('order.placed', { id: 'A1' }));
const price = await lastValueFrom(shop.send({ cmd: 'price' }, ['tea', 'pot']));
const refusal = await lastValueFrom(shop.send({ cmd: 'price' }, [])).catch((error) => error.message ?? error);
console.log(`price ${price}, ${refusal}, placed ${await arrived}`);
await app.close();
