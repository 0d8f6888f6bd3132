import type { Policy } from '../../contracts/policy.js';
import { FunqError } from '../../core/errors.js';

/** Checks arguments by the consumer's schema; resolves to them as the schema transformed them. Throws `FUNQ_SCHEMA`. */
export async function checkArguments(policy: Policy, args: readonly unknown[]): Promise<readonly unknown[]> {
  if (!policy.schema) return args;
  const result = await policy.schema['~standard'].validate(args);
  if (!result.issues) {
    if (Array.isArray(result.value)) return result.value;
    throw new FunqError(
      'FUNQ_SCHEMA',
      `the schema of ${policy.handler} gave no list of arguments; it must describe a tuple`,
    );
  }
  const issues = result.issues
    .slice(0, 5)
    .map(({ message, path }) => `args${(path ?? []).map(step).join('')}: ${message}`);
  throw new FunqError('FUNQ_SCHEMA', `arguments of ${policy.handler} don't fit its schema: ${issues.join('; ')}`, {
    cause: result.issues,
  });
}

function step(segment: PropertyKey | { readonly key: PropertyKey }): string {
  const key = typeof segment === 'object' ? segment.key : segment;
  return typeof key === 'number' ? `[${key}]` : `.${String(key)}`;
}
