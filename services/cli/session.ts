import { faultOf } from '../../shared/errors/broker-error.ts';
import type { Client } from './client/client.ts';
import type { Io } from './io.ts';
import type { Ending } from './render/fault.ts';
import {
  type Listing,
  type OutputFormat,
  renderListing,
  renderShowing,
  type Showing,
  type ToYaml,
} from './render/output.ts';
import { type Style, styleFor } from './render/style.ts';

/** The options every command takes. */
export interface GlobalOptions {
  readonly as?: string;
  readonly fleet?: string;
  readonly config?: string;
  readonly output: OutputFormat;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** What a command works with: its streams, its format, and the fleet once it asks for it. */
export interface Session {
  readonly io: Io;
  readonly options: GlobalOptions;
  readonly format: OutputFormat;
  /** Colours for stdout. */
  readonly style: Style;
  /** Colours for stderr. */
  readonly noteStyle: Style;
  /** Text on stdout: the answer. */
  print(text: string): void;
  /** Text on stderr, unless it was asked to be quiet: what happens on the way. */
  note(text: string): void;
  list<Row>(listing: Listing<Row>): Promise<void>;
  show<Value>(showing: Showing<Value>): Promise<void>;
  /** Connects to the bus under the client's identity, once. The session closes it. */
  connect(): Promise<Client>;
}

/** Connects a client as the options name it. */
export type Connect = (io: Io, options: GlobalOptions) => Promise<Client>;

/** What a command answers with: nothing when it simply succeeded. */
export type Run = (session: Session) => Promise<Ending | undefined>;

/** Runs a command with a session and closes what it opened. A fault that is thrown is an ending too. */
export async function withSession(
  io: Io,
  connect: Connect,
  options: GlobalOptions,
  run: Run,
): Promise<Ending | undefined> {
  const format: OutputFormat = options.json === true ? 'json' : options.output;
  const style = styleFor(io.stdout, io.env);
  let client: Promise<Client> | undefined;
  const session: Session = {
    io,
    options,
    format,
    style,
    noteStyle: styleFor(io.stderr, io.env),
    print: (text) => void io.stdout.write(text),
    note(text) {
      if (options.quiet !== true) io.stderr.write(text);
    },
    async list(listing) {
      session.print(renderListing(listing, format, style, await yamlFor(format)));
    },
    async show(showing) {
      session.print(renderShowing(showing, format, style, await yamlFor(format)));
    },
    connect() {
      client ??= connect(io, options);
      return client;
    },
  };
  try {
    return await run(session);
  } catch (error) {
    return { is: 'fault', fault: faultOf(error) };
  } finally {
    await client?.then(
      (connected) => connected.close(),
      () => undefined,
    );
  }
}

async function yamlFor(format: OutputFormat): Promise<ToYaml> {
  if (format !== 'yaml') return String;
  const { toYaml } = await import('../../shared/config/write-config.ts');
  return toYaml;
}
