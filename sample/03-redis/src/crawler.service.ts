import { Injectable, Logger } from '@nestjs/common';
import { Consumer, CurrentTask, FunqPublisher, type Task } from 'nestjs-funq';
import { linksIn } from './links.js';

@Injectable()
export class CrawlerService {
  private readonly logger = new Logger(CrawlerService.name);

  constructor(private readonly funq: FunqPublisher) {}

  /** One page, once an hour at most, whichever process gets it; all processes together ask the site 20 times a second. */
  @Consumer({
    queue: 'pages',
    concurrency: 10,
    rate: { starts: 20, scope: 'shared' },
    retry: { times: 3, delay: '200ms', factor: 2 },
    timeout: '5s',
    filter: { ttl: '1h' },
  })
  async visit(url: string, @CurrentTask() task: Task): Promise<void> {
    const page = await fetch(url, { signal: task.signal });
    if (!page.ok) throw new Error(`${url} answered ${page.status}`);
    const links = linksIn(await page.text(), url);
    await Promise.all(links.map((link) => this.funq.to(CrawlerService).visit(link)));
    this.logger.log(`${url}: ${links.length} links`);
  }
}
