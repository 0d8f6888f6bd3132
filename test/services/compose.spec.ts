import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { parse } from 'yaml';
import { SERVICES, freePorts, startPrivate, type ServiceName } from '../../scripts/services/index.mjs';

const NAMES = Object.keys(SERVICES) as ServiceName[];
const FILE = new URL('../../compose.yaml', import.meta.url);
const KAFKA = new URL('../../scripts/services/kafka/server.properties', import.meta.url);

/** An engine that takes every order, and writes each down with the variables that compose.yaml is filled in from. */
const DOCKER = `#!/bin/sh
{ echo "$*"; env | grep ^FUNQ_; echo; } >>"$(dirname "$0")/orders"
`;

interface Container {
  readonly image: string;
  readonly command?: string;
  readonly environment?: Readonly<Record<string, string | number>>;
  readonly ports: readonly string[];
  readonly volumes: readonly string[];
  readonly healthcheck: object;
}

describe('compose.yaml', () => {
  it('has every server that tests need, which keeps its data and tells when it is ready', () => {
    const { services, volumes } = containers();
    expect(Object.keys(services)).toEqual(NAMES);
    expect(Object.keys(volumes)).toEqual(NAMES);
    for (const name of NAMES) {
      const { image, healthcheck, volumes: mounted } = services[name];
      expect(image).toMatch(/^[\w/]+:\d+(\.\d+)*(-\w+)?$/);
      expect(Object.keys(healthcheck)).toEqual(['test', 'interval', 'timeout', 'retries']);
      expect(mounted).toEqual([expect.stringMatching(`^${name}:/`)]);
    }
  });

  it('started by hand, has each server on its usual port', () => {
    const { services } = containers();
    const usual = { redis: 6379, rabbitmq: 5672, postgres: 5432, mongo: 27017, kafka: 9092 };
    for (const name of NAMES) expect(services[name].ports[0]).toBe(`127.0.0.1:${usual[name]}:${usual[name]}`);
    expect(services.kafka.environment!['KAFKA_ADVERTISED_LISTENERS']).toContain('//127.0.0.1:9092,');
  });

  it.each(NAMES)('gives %s the port of the address that its tests are told', async (name) => {
    const { url, orders, service } = await started(name);
    expect(orders).toContainEqual(expect.stringMatching(`^compose -p funq-${name}-.+ up --detach --wait ${name}$`));
    const { port, username, pathname } = new URL(url.includes('//') ? url : `kafka://${url}`);
    expect(service.ports[0]).toMatch(new RegExp(`^127\\.0\\.0\\.1:${port}:\\d+$`));
    if (name === 'postgres')
      expect(service.environment).toMatchObject({ POSTGRES_USER: username, POSTGRES_DB: pathname.slice(1) });
    if (name === 'kafka') expect(service.environment!['KAFKA_ADVERTISED_LISTENERS']).toContain(`//127.0.0.1:${port},`);
  });

  it('heeds the settings that tests give', async () => {
    const redis = await started('redis', { fsync: 'always' });
    expect(redis.service.command).toContain('--appendfsync always ');
    const kafka = await started('kafka', { advertised: 4711 });
    expect(kafka.service.environment!['KAFKA_ADVERTISED_LISTENERS']).toContain('//127.0.0.1:4711,');
  });

  it('sets Kafka up as it is set up without containers', () => {
    const { environment } = containers().services.kafka;
    const lines = readFileSync(KAFKA, 'utf8').split('\n');
    const settings = lines.filter((line) => /^[^#]/.test(line) && !line.includes('${') && !line.includes('listener'));
    expect(settings.length).toBeGreaterThan(8);
    for (const setting of settings) {
      const [key, value] = setting.split('=') as [string, string];
      expect([key, `${environment![`KAFKA_${key.replaceAll('.', '_').toUpperCase()}`]}`]).toEqual([key, value]);
    }
  });
});

/** The file as it is read with these variables, or by hand with none. */
function containers(variables: Readonly<Record<string, string>> = {}) {
  let text = readFileSync(FILE, 'utf8');
  for (let before = ''; before !== text;) {
    before = text;
    text = text.replace(/\$\{(\w+):-([^${}]*)\}/g, (_, name: string, fallback: string) => variables[name] ?? fallback);
  }
  expect(text).not.toContain('${');
  return parse(text) as {
    readonly services: Readonly<Record<ServiceName, Container>>;
    readonly volumes: Readonly<Record<ServiceName, null>>;
  };
}

/** A server of one's own where only the engine is not real: its address, what was ordered, and the container that comes of it. */
async function started(name: ServiceName, settings: Parameters<typeof startPrivate>[1]['settings'] = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'funq-compose-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'docker'), DOCKER, { mode: 0o755 });
  vi.stubEnv('PATH', `${folder}${delimiter}${process.env['PATH']}`);
  onTestFinished(() => void vi.unstubAllEnvs());
  const [port] = await freePorts(1);
  const server = await startPrivate(name, { folder: join(folder, 'server'), port: port!, settings });
  await server.close();
  const said = readFileSync(join(folder, 'orders'), 'utf8').trim().split('\n\n');
  const [orders, variables] = [
    said.map((order) => order.split('\n')[0]!.replace(/ -f \S+/, '')),
    said.find((order) => order.includes(' up '))!,
  ];
  const set = Object.fromEntries(
    variables
      .split('\n')
      .slice(1)
      .map((line) => line.split('=') as [string, string]),
  );
  return { url: server.url, orders, service: containers(set).services[name] };
}
