import { type Command, Option } from 'commander';
import type { Ending } from '../render/fault.ts';
import type { Session } from '../session.ts';
import { type Registry, register } from './register.ts';

interface EnrolOptions {
  readonly server: readonly string[];
  readonly to: string;
  readonly tokenFile?: string;
}

export function registerEnrol(program: Command, registry: Registry): void {
  register<EnrolOptions>(program, registry, {
    usage: 'enrol <role> <name>',
    summary: 'get a certificate from the authority of a fleet, for a one-time token',
    details:
      'The role is host, client or service. The key is made here and never leaves. The authority makes the token; it is a\n' +
      'secret, so it is read from a file or from standard input and not from the command line.',
    options: [
      new Option('--server <url...>', 'where the bus of the fleet is').makeOptionMandatory(),
      new Option('--to <dir>', 'the folder for certificate.pem, key.pem and authority.pem').makeOptionMandatory(),
      new Option('--token-file <file>', 'where the token is; otherwise standard input'),
    ],
    examples: [
      'carnet enrol host alpha --server nats://bus.example:4222 --to /etc/carnet/identity --token-file token',
      'carnet enrol client operator --server nats://bus.example:4222 --to ~/.config/carnet/identity < token',
    ],
    run: (session, [role, name], options) => enrolAs(session, role, name, options),
  });
}

/** A token is some hundred characters; whatever is longer is none. */
const tokenBytesMax = 4096;

async function enrolAs(
  session: Session,
  roleText: string | undefined,
  nameText: string | undefined,
  options: EnrolOptions,
): Promise<Ending | undefined> {
  const [{ valid }, { connectNats }, { enrol }, { saveIdentity }, { role }, { principalName }] = await Promise.all([
    import('./arguments.ts'),
    import('../../../shared/bus/nats.ts'),
    import('../../../shared/messages/enrol.ts'),
    import('../../../shared/pki/identity.ts'),
    import('../../../shared/pki/principal.ts'),
    import('../../../shared/ids.ts'),
  ]);
  const [as, name] = [valid(role, roleText), valid(principalName, nameText)];
  const token = await readToken(options.tokenFile);
  const bus = await connectNats({ servers: options.server, name: `carnet-enrol-${name}` });
  try {
    const identity = await enrol(bus, token, as, name);
    await saveIdentity(options.to, identity);
    await session.show({
      key: 'identity',
      value: {
        role: as,
        name,
        fleet: identity.fleet,
        folder: options.to,
        fingerprint: identity.certificateFingerprint,
      },
      name: identity.certificateFingerprint,
      table: (style) =>
        `${style.good('✓')} ${as} ${name} of fleet ${identity.fleet}: ${options.to}, SHA-256 ${identity.certificateFingerprint}\n`,
    });
    return undefined;
  } finally {
    await bus.close();
  }
}

async function readToken(file: string | undefined): Promise<string> {
  const [{ readFile }, { BrokerError }] = await Promise.all([
    import('node:fs/promises'),
    import('../../../shared/errors/broker-error.ts'),
  ]);
  const text = await readFile(file ?? '/dev/stdin', 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new BrokerError('USAGE_INVALID', `the token cannot be read: ${cause.code ?? cause.message}`, { cause });
  });
  if (text.length > tokenBytesMax) throw new BrokerError('USAGE_INVALID', 'this is not an enrolment token');
  return text.trim();
}
