import * as v from 'valibot';

/** Any schema this project uses: what goes in is unknown, what comes out is `T`. */
export type Schema<T = unknown> = v.GenericSchema<unknown, T>;
/** The type a schema accepts. */
export type Shape<S> = S extends v.GenericSchema<infer _I, infer O> ? O : never;

/** Printable text without control characters, at most `lengthMax` UTF-16 units. */
export const text = (lengthMax: number) =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this refuses
  v.pipe(v.string(), v.maxLength(lengthMax), v.regex(/^[^\u0000-\u001f\u007f]*$/u, 'holds control characters'));
/** Text that matches a pattern; `what` names it in messages. */
export const pattern = (regex: RegExp, lengthMax: number, what: string) =>
  v.pipe(v.string(), v.maxLength(lengthMax), v.regex(regex, `is not ${what}`));
export const integer = (min: number, max: number) =>
  v.pipe(v.number(), v.safeInteger(), v.minValue(min), v.maxValue(max));
export const real = (min: number, max: number) => v.pipe(v.number(), v.finite(), v.minValue(min), v.maxValue(max));
export const flag = () => v.boolean();
/** Raw bytes. A Buffer is one too; a string never is. */
export const bytes = (lengthMax: number, lengthMin = 0) =>
  v.custom<Uint8Array>(
    (value) => value instanceof Uint8Array && value.length >= lengthMin && value.length <= lengthMax,
    `is not ${lengthMin} to ${lengthMax} bytes`,
  );
/** The same schema, with a type of its own, so that one kind of id is never passed for another. */
export const branded = <S extends v.GenericSchema, const B extends string>(schema: S, brand: B) =>
  v.pipe(schema, v.brand(brand));
export const list = <S extends v.GenericSchema>(item: S, lengthMax: number) =>
  v.pipe(v.array(item), v.maxLength(lengthMax));
export const oneOf = <const T extends readonly [string, ...string[]]>(values: T) => v.picklist(values);
export const literal = <const T extends string | number | boolean>(value: T) => v.literal(value);
export const nullable = <S extends v.GenericSchema>(item: S) => v.nullable(item);
/** A field that may be absent; present and undefined is refused, as nothing on the wire is undefined. */
export const maybe = <S extends v.GenericSchema>(item: S) => v.exactOptional(item);
export const defaultsTo = <S extends v.GenericSchema, const D extends v.InferInput<S>>(item: S, value: D) =>
  v.optional(item, value);
/** Plain data of our own, kept where nobody else writes: an object told apart by one text field, the rest as it is. */
export const ownData = <K extends string>(tag: K) =>
  v.custom<{ readonly [name in K]: string }>(
    (value) =>
      typeof value === 'object' && value !== null && typeof (value as Record<string, unknown>)[tag] === 'string',
    `has no ${tag}`,
  );
/** An object with exactly these fields: unknown ones are refused. */
export const fields = <E extends v.ObjectEntries>(entries: E) => v.strictObject(entries);
/** A map from text to values, bounded in entries. */
export const mapping = <S extends v.GenericSchema>(
  key: ReturnType<typeof text> | ReturnType<typeof pattern>,
  item: S,
  entriesMax: number,
) =>
  v.pipe(
    v.record(key, item),
    v.check((value) => Object.keys(value).length <= entriesMax, `has more than ${entriesMax} entries`),
  );
/** One of several objects, told apart by one field. */
export const variant = <K extends string, O extends v.VariantOptions<K>>(key: K, options: O) => v.variant(key, options);

/** The outcome of a check: the value, or every problem as `path: what is wrong`. */
export type Checked<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly string[] };

/** Checks a value from outside against a schema. Never throws. */
export function check<S extends v.GenericSchema>(schema: S, value: unknown): Checked<v.InferOutput<S>> {
  const result = v.safeParse(schema, value, { abortEarly: false });
  if (result.success) return { ok: true, value: result.output };
  return {
    ok: false,
    problems: result.issues.slice(0, 20).map((issue) => `${v.getDotPath(issue) ?? 'value'}: ${issue.message}`),
  };
}
