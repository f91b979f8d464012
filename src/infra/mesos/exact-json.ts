/**
 * JSON with whole numbers beyond 2^53, which nanoseconds are (mesos-v1 §1.11). `JSON.parse` rounds them; here the exact digits
 * are kept beside the rounded number, as a text under `nanoseconds_exact`.
 */

/** A key can stand only outside of a string, since within one its quotes would be escaped. */
const bigNanoseconds = /"nanoseconds"(\s*):(\s*)(-?\d{16,})(?=\s*[,}])/g;

/** Like `JSON.parse`. Throws a SyntaxError. */
export function parseExact(text: string): unknown {
  // Few records have any: the others pay one search.
  if (!text.includes('"nanoseconds"')) return JSON.parse(text);
  return JSON.parse(
    text.replace(bigNanoseconds, (found: string, _before: string, _after: string, digits: string) =>
      Number.isSafeInteger(Number(digits)) ? found : `${found},"nanoseconds_exact":"${digits}"`,
    ),
  );
}
