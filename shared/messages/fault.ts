import { faultCodeNames } from '../errors/codes.ts';
import { fields, maybe, oneOf, text } from '../schema/schema.ts';

/** A fault of the world, as it travels. */
export const fault = fields({ code: oneOf(faultCodeNames), message: text(1000), hint: maybe(text(1000)) });
