// The application of app.mjs as CommonJS: the library is an ES module and is loaded by `require`.
require('reflect-metadata');
const { Injectable, Module } = require('@nestjs/common');
const { NestFactory } = require('@nestjs/core');
const { Consumer, FunqModule, FunqPublisher } = require('nestjs-funq');
const { memory } = require('nestjs-funq/memory');

let arrive;
const arrived = new Promise((resolve) => (arrive = resolve));

class Greeter {
  greet(name) {
    arrive(name);
  }
}
Injectable()(Greeter);
Consumer({ queue: 'hello' })(Greeter.prototype, 'greet', Object.getOwnPropertyDescriptor(Greeter.prototype, 'greet'));

class AppModule {}
Module({ imports: [FunqModule.forRoot({ brokers: { default: memory() } })], providers: [Greeter] })(AppModule);

async function main() {
  const app = await NestFactory.createApplicationContext(AppModule, { logger: ['error', 'warn'], abortOnError: false });
  await app.get(FunqPublisher).publish('hello', ['world']);
  console.log(`greeted ${await arrived}`);
  await app.close();
}
main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
