import type {
  AttributeDeclaration,
  BooleanDeclaration,
  ExpandAttribute,
  Permissive,
  PolicyCapability,
  TypeAlias,
  TypeAttribute,
  TypeBounds,
  TypeDeclaration,
} from '../ast.ts';
import { keyword, sign } from '../tokens.ts';
import type { Grammar } from './base.ts';
import type { NameRules } from './names.ts';

/** Declarations of attributes, types and booleans, and the one-word statements about them. */
export function typeRules(g: Grammar, { set, commaList, aliases }: NameRules) {
  const attribute = g.RULE('attribute', (): AttributeDeclaration => {
    const start = g.here();
    g.CONSUME(keyword.attribute);
    const name = g.name();
    g.CONSUME(sign.semicolon);
    return { kind: 'attribute', name, ...g.span(start) };
  });

  const truth = g.RULE('truth', (): boolean =>
    g.OR([{ ALT: () => g.CONSUME(keyword.true) !== undefined }, { ALT: () => g.CONSUME(keyword.false) === undefined }]),
  );

  const expandAttribute = g.RULE('expandAttribute', (): ExpandAttribute => {
    const start = g.here();
    g.CONSUME(keyword.expandattribute);
    const names = g.SUBRULE(set);
    const value = g.SUBRULE(truth);
    g.CONSUME(sign.semicolon);
    return { kind: 'expandattribute', names, value, ...g.span(start) };
  });

  const type = g.RULE('type', (): TypeDeclaration => {
    const start = g.here();
    g.CONSUME(keyword.type);
    const name = g.name();
    const others = g.OPTION(() => g.SUBRULE(aliases)) ?? [];
    const attributes = g.OPTION1(() => {
      g.CONSUME(sign.comma);
      return g.SUBRULE(commaList);
    });
    g.CONSUME(sign.semicolon);
    return { kind: 'type', name, aliases: others, attributes: attributes ?? [], ...g.span(start) };
  });

  const typeAlias = g.RULE('typeAlias', (): TypeAlias => {
    const start = g.here();
    g.CONSUME(keyword.typealias);
    const name = g.name();
    const others = g.SUBRULE(aliases);
    g.CONSUME(sign.semicolon);
    return { kind: 'typealias', name, aliases: others, ...g.span(start) };
  });

  const typeAttribute = g.RULE('typeAttribute', (): TypeAttribute => {
    const start = g.here();
    g.CONSUME(keyword.typeattribute);
    const name = g.name();
    const attributes = g.SUBRULE(commaList);
    g.CONSUME(sign.semicolon);
    return { kind: 'typeattribute', name, attributes, ...g.span(start) };
  });

  const typeBounds = g.RULE('typeBounds', (): TypeBounds => {
    const start = g.here();
    g.CONSUME(keyword.typebounds);
    const parent = g.name();
    const children = g.SUBRULE(commaList);
    g.CONSUME(sign.semicolon);
    return { kind: 'typebounds', parent, children, ...g.span(start) };
  });

  const boolean = g.RULE('boolean', (): BooleanDeclaration => {
    const start = g.here();
    const kind = g.OR<'bool' | 'tunable'>([
      {
        ALT: () => {
          g.CONSUME(keyword.bool);
          return 'bool';
        },
      },
      {
        ALT: () => {
          g.CONSUME(keyword.tunable);
          return 'tunable';
        },
      },
    ]);
    const name = g.name();
    const value = g.SUBRULE(truth);
    g.CONSUME(sign.semicolon);
    return { kind, name, value, ...g.span(start) };
  });

  const permissive = g.RULE('permissive', (): Permissive => {
    const start = g.here();
    g.CONSUME(keyword.permissive);
    const name = g.name();
    g.CONSUME(sign.semicolon);
    return { kind: 'permissive', name, ...g.span(start) };
  });

  const policyCapability = g.RULE('policyCapability', (): PolicyCapability => {
    const start = g.here();
    g.CONSUME(keyword.policycap);
    const name = g.name();
    g.CONSUME(sign.semicolon);
    return { kind: 'policycap', name, ...g.span(start) };
  });

  return {
    attribute,
    expandAttribute,
    type,
    typeAlias,
    typeAttribute,
    typeBounds,
    boolean,
    permissive,
    policyCapability,
  };
}
