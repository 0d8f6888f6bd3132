// Loads one module by name, by `import` and by `require`, in a plain Node process, and prints as JSON what came of it:
// its names, and every module that was loaded on the way, by either loader.
import Module, { createRequire, register } from 'node:module';
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads';

const name = process.argv[2];
const loaded = new Set();

const { port1, port2 } = new MessageChannel();
port1.unref();
const hooks = `
  let port;
  export function initialize(data) { port = data.port; }
  export async function resolve(specifier, context, next) {
    const resolved = await next(specifier, context);
    port.postMessage(resolved.url);
    return resolved;
  }`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`, { data: { port: port2 }, transferList: [port2] });

const resolveFilename = Module._resolveFilename;
Module._resolveFilename = function (...args) {
  const file = resolveFilename.apply(this, args);
  loaded.add(file);
  return file;
};

const builtinsBefore = new Set(process.moduleLoadList);
const imported = await import(name);
const required = createRequire(import.meta.url)(name);

for (let message; (message = receiveMessageOnPort(port1));) loaded.add(message.message);
for (const entry of process.moduleLoadList) {
  if (!builtinsBefore.has(entry) && entry.startsWith('NativeModule '))
    loaded.add(entry.replace('NativeModule ', 'node:'));
}

console.log(
  JSON.stringify({
    names: Object.keys(imported),
    same: Object.keys(imported).every((key) => key === 'default' || imported[key] === required[key]),
    loaded: [...loaded].map((file) => file.replaceAll('\\', '/')),
  }),
);
