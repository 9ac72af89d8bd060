import type { Session } from '../../session.ts';

/** The version of the output; fields are added to it, never renamed. */
const schema = 1;

/** Prints one thing whose fields stand at the top, in a format for programs; `name` is all of it in `-o name`. */
export async function printMachine(
  session: Session,
  name: string,
  fields: Readonly<Record<string, unknown>>,
): Promise<void> {
  const value = { schema, ...fields };
  if (session.format === 'name') session.print(`${name}\n`);
  else if (session.format === 'jsonl') session.print(`${JSON.stringify(value)}\n`);
  else if (session.format === 'json') session.print(`${JSON.stringify(value, null, 2)}\n`);
  else session.print((await import('../../../../shared/config/write-config.ts')).toYaml(value));
}
