import { open } from 'node:fs/promises';
import { LineCounter, parseDocument } from 'yaml';
import { BrokerError } from '../errors/broker-error.ts';
import { limits } from '../limits.ts';
import { check, type Schema } from '../schema/schema.ts';

/**
 * Reads a configuration file in YAML and checks it against its schema. Every problem is told in one CONFIG_INVALID, as
 * `file:line:column: what is wrong`. Aliases, tags of one's own, duplicate keys and further documents are
 * refused, and so are fields the schema does not know.
 */
export async function readConfig<T>(path: string, schema: Schema<T>): Promise<T> {
  return parseConfig(path, await readBounded(path), schema);
}

/** The same for a text that was read already; `path` stands in the messages. */
export function parseConfig<T>(path: string, text: string, schema: Schema<T>): T {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, strict: true, logLevel: 'error' });
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${path}:${line}:${col}`;
  };
  const faults = [...document.errors, ...document.warnings];
  if (faults.length > 0) throw invalid(faults.map(({ pos, message }) => `${at(pos[0])}: ${firstLine(message)}`));
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 0 });
  } catch (error) {
    throw invalid([`${path}:1:1: ${error instanceof Error ? firstLine(error.message) : String(error)}`]);
  }
  const checked = check(schema, value);
  if (checked.ok) return checked.value as T;
  throw invalid(checked.problems.map((problem) => `${at(offsetOf(document, problem))}: ${problem}`));
}

/** Where the node is that a problem, `path.to.field: what is wrong`, names; its nearest parent where it is not there. */
function offsetOf(document: ReturnType<typeof parseDocument>, problem: string): number {
  const named = problem.slice(0, problem.indexOf(': ')).split('.');
  for (let length = named.length; length > 0; length--) {
    const path = named.slice(0, length).map((step) => (/^[0-9]+$/.test(step) ? Number(step) : step));
    const node = document.getIn(path, true);
    if (hasRange(node)) return node.range[0];
  }
  return document.contents?.range?.[0] ?? 0;
}

const hasRange = (node: unknown): node is { range: [number, number, number] } =>
  typeof node === 'object' && node !== null && 'range' in node && Array.isArray(node.range);

async function readBounded(path: string): Promise<string> {
  try {
    await using file = await open(path, 'r');
    const bytes = Buffer.alloc(limits.configFileBytes + 1);
    let length = 0;
    // A pipe gives what it has just now.
    for (let more = -1; more !== 0 && length < bytes.length; length += more) {
      more = (await file.read(bytes, length, bytes.length - length, null)).bytesRead;
    }
    if (length > limits.configFileBytes) throw new Error(`it has more than ${limits.configFileBytes} bytes`);
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(0, length));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new BrokerError('CONFIG_INVALID', `${path} cannot be read: ${why}`, { cause });
  }
}

const firstLine = (message: string) => message.split('\n', 1)[0]?.replace(/ at line \d+, column \d+:?$/, '') ?? message;
const invalid = (problems: readonly string[]) =>
  new BrokerError('CONFIG_INVALID', problems.slice(0, 20).join('\n'), { hint: 'correct the file and start again' });
