import { Module } from '@nestjs/common';
import { FunqModule } from 'nestjs-funq';
import { redis } from 'nestjs-funq/redis';
import { redisCoordination } from 'nestjs-funq/stores/redis';
import { CrawlerService } from './crawler.service.js';

const server = {
  url: process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379',
  namespace: process.env['NAMESPACE'] ?? 'crawler',
};

@Module({
  imports: [
    FunqModule.forRoot({
      brokers: { default: redis(server) },
      stores: { coordination: redisCoordination(server) },
      defaults: { lease: '5s' },
    }),
  ],
  providers: [CrawlerService],
})
export class AppModule {}
