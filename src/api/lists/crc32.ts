/**
 * The CRC of bytes that are joined, from the CRCs of the parts. CRC-32 (RFC 1952 §8) is linear over GF(2): the bits of a CRC are the
 * coefficients of a polynomial modulo P, and bytes that follow multiply what came before by x⁸ each. So the CRC of `a + b` is
 * crc(a)·x^(8·|b|) + crc(b), where addition is exclusive or, and the first and last inversion of both CRCs cancel each other.
 */

/** P without x³², its coefficients in the order that the CRC has them: x⁰ is the highest bit. */
const polynomial = 0xedb88320;
const one = 0x80000000;
const x = 0x40000000;

/** The product of two polynomials modulo P. */
function multiply(a: number, b: number): number {
  let product = 0;
  let shifted = b;
  for (let bit = one; bit !== 0; bit >>>= 1) {
    if ((a & bit) !== 0) product ^= shifted;
    shifted = (shifted & 1) === 0 ? shifted >>> 1 : (shifted >>> 1) ^ polynomial;
  }
  return product >>> 0;
}

/** x^(2ⁿ) for each n; lengths have at most 53 bits, three more count the bits of a byte. */
const squares: readonly number[] = (() => {
  const powers = [x];
  while (powers.length < 56) {
    const last = powers.at(-1) ?? x;
    powers.push(multiply(last, last));
  }
  return powers;
})();

/** x^(8·length) modulo P: what so many bytes do to the CRC of those before them. Costs the logarithm of the length. */
export function crcShift(length: number): number {
  let power = one;
  let rest = length;
  for (let n = 3; rest > 0; n += 1) {
    if (rest % 2 === 1) power = multiply(squares[n] ?? 0, power);
    rest = Math.floor(rest / 2);
  }
  return power;
}

/** CRC-32 of joined bytes: of those before, of those behind, and `crcShift` of how many there are behind. */
export const joinedCrc = (before: number, behind: number, shift: number): number =>
  (multiply(shift, before) ^ behind) >>> 0;
