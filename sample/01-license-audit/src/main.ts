import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';
import { AuditRun } from './audit-run.service.js';
import { AuditOptions, USAGE, UsageError } from './terminal/options.js';
import { Progress } from './terminal/progress.js';
import { report } from './terminal/report.js';
import { ScreenLogger } from './terminal/screen.logger.js';
import { painter } from './terminal/text.js';

try {
  const options = AuditOptions.read(process.argv.slice(2));
  if (options.help) console.log(USAGE);
  else await audit(options);
} catch (error) {
  const { message } = error as Error;
  console.error(error instanceof UsageError ? `${message}\n\n${USAGE}` : message);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}

async function audit(options: AuditOptions): Promise<void> {
  const progress = new Progress(options);
  const app = await NestFactory.createApplicationContext(AppModule.register(options, progress), {
    logger: new ScreenLogger(progress, options),
    abortOnError: false,
  });
  app.enableShutdownHooks();
  try {
    const summary = await app.get(AuditRun).complete();
    if (!summary) {
      // A signal came first. Nest is closing the app already; what is left stays in the queue.
      progress.clear();
      console.error('Stopped. Start again to go on from here.');
      return;
    }
    console.log(options.json ? JSON.stringify(summary) : report(summary, painter(process.stdout)));
    if (!options.exit) console.error('Waiting for more tasks; Ctrl-C ends.');
  } catch (error) {
    await app.close();
    throw error;
  }
  if (options.exit) await app.close();
}
