import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { programOf, run } from './programs.mjs';

const LIBRARIES = fileURLToPath(new URL('../../../.services/lib/', import.meta.url));

/** A server that is had as jars from Maven Central, listed in `<name>/pom.xml`. */
export function jars(name) {
  const folder = join(LIBRARIES, name);
  const pom = fileURLToPath(new URL(`../${name}/pom.xml`, import.meta.url));
  return {
    classpath: join(folder, '*'),
    /** `compiler`: a whole JDK is needed, to run a source as it is. */
    missing({ compiler = false } = {}) {
      const java = programOf(compiler ? 'javac' : 'java') ? [] : ['default-jdk-headless'];
      return existsSync(folder) || programOf('mvn') ? java : [...java, 'maven'];
    },
    /** Fetches the jars once; they are there when they are all there. */
    fetch(say) {
      if (existsSync(folder)) return;
      say(`${name}: fetches jars from Maven Central`);
      mkdirSync(LIBRARIES, { recursive: true });
      const partial = `${folder}.part`;
      rmSync(partial, { recursive: true, force: true });
      run('mvn', ['-q', '-B', '-f', pom, 'dependency:copy-dependencies', `-DoutputDirectory=${partial}`]);
      renameSync(partial, folder);
    },
  };
}
