/** What stands in the way on Windows, where most signals do not exist. */
export function posixOnly(why: string): string | undefined {
  return process.platform === 'win32' ? `on Windows ${why}` : undefined;
}
