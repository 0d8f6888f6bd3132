import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = fileURLToPath(new URL('../../', import.meta.url));
const script = fileURLToPath(new URL('child.mjs', import.meta.url));

/** Builds what the SQLite backends need into `folder`, from the sources as they are; with the packages to use, or with libsql amiss. */
export function buildInto(folder: string, packages: boolean): string {
  const sources = readdirSync(`${root}lib`, { recursive: true, encoding: 'utf8' }).filter((file) =>
    /^(brokers|stores|contracts)[\\/].*\.ts$|^core[\\/]system-clock\.ts$/.test(file),
  );
  const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022, verbatimModuleSyntax: true };
  for (const source of sources) {
    const { outputText } = ts.transpileModule(readFileSync(`${root}lib/${source}`, 'utf8'), { compilerOptions });
    const target = join(folder, source.replace(/\.ts$/, '.js'));
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, outputText);
  }
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  if (packages) symlinkSync(`${root}node_modules`, join(folder, 'node_modules'), 'junction');
  else breakLibsql(join(folder, 'node_modules', 'libsql'));
  return folder;
}

/** A package without content, so that no other one further up or on NODE_PATH is found instead. */
function breakLibsql(folder: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{"name":"libsql","main":"absent.js"}');
}

/** Another process on the same file. */
export class Child {
  readonly lines: string[] = [];
  readonly #process: ChildProcess;
  readonly #over: Promise<unknown>;
  #said = '';
  #news: () => void = () => {};

  constructor(...parameters: string[]) {
    this.#process = spawn(process.execPath, [script, ...parameters], { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#over = once(this.#process, 'close').finally(() => this.#news());
    this.#process.stderr?.on('data', (text: Buffer) => (this.#said += text.toString()));
    createInterface({ input: this.#process.stdout! }).on('line', (line) => {
      this.lines.push(line);
      this.#news();
    });
  }

  get pid(): number {
    return this.#process.pid!;
  }

  /** Resolves when the child has said that many lines; rejects when it ends before. */
  async said(count: number): Promise<string[]> {
    while (this.lines.length < count) {
      if (this.#process.exitCode !== null) throw new Error(`The child ended: ${this.lines.join()} ${this.#said}`);
      await new Promise<void>((resolve) => (this.#news = resolve));
    }
    return this.lines;
  }

  /** Resolves with all that it said when it has ended by itself. */
  async ended(): Promise<string[]> {
    await this.#over;
    if (this.#said && this.#process.exitCode !== 0) throw new Error(this.#said);
    return this.lines;
  }

  /** Asks it to end. */
  async stop(): Promise<string[]> {
    this.#process.stdin?.end();
    return this.ended();
  }

  async kill(): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.#over;
  }
}
