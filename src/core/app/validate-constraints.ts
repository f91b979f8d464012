/** Rules of placement constraints (rest-api §7.9, §9.3; behaviour §3.2). */
import { RE2JS } from 're2js';
import type { Must } from './violations.ts';

/** Longest regular expression of a constraint, in characters: what is compiled for each definition must stay small. */
const maxRegexLength = 1024;

/** Field, operator and value; a request may bring any number of texts. */
type Parts = readonly (string | undefined)[];

/** Checks every constraint; operators are in upper case by now. */
export function checkConstraints(constraints: readonly Parts[], must: Must): void {
  constraints.forEach((parts, i) => {
    const path = `/constraints(${i})`;
    const complaint = complaintAbout(parts);
    must(complaint === undefined, path, complaint ?? '');
  });
}

/** The first thing that is wrong with a constraint. */
function complaintAbout(parts: Parts): string | undefined {
  const [field = '', operator = '', value] = parts;
  if (parts.length !== 2 && parts.length !== 3) return 'Each constraint must have either 2 or 3 fields';
  return field === '' ? 'illegal constraint specification' : complaintAboutOperator(operator, value);
}

/** What is wrong with an operator and its value. */
function complaintAboutOperator(operator: string, value: string | undefined): string | undefined {
  switch (operator) {
    case 'UNIQUE':
      return value === undefined ? undefined : 'UNIQUE does not accept a value';
    case 'CLUSTER':
      return undefined;
    case 'GROUP_BY':
      return value === undefined || isInteger(value)
        ? undefined
        : 'GROUP BY must define an integer value or else no value at all';
    case 'MAX_PER':
      return value !== undefined && isInteger(value) ? undefined : 'MAX_PER requires an integer value';
    case 'LIKE':
    case 'UNLIKE':
      if (value === undefined) return 'LIKE and UNLIKE require a non-empty, regular expression value';
      return isRegex(value) ? undefined : 'is not a valid regular expression';
    case 'IS':
      // Without a value it compares with the empty text.
      return /^[a-zA-Z0-9_/.-]*$/.test(value ?? '')
        ? undefined
        : 'IS only supports Mesos text and float values (see http://mesos.apache.org/documentation/latest/attributes-resources/)';
    default:
      return 'operator must be one of the following UNIQUE, CLUSTER, GROUP_BY, LIKE, MAX_PER, UNLIKE or IS';
  }
}

const isInteger = (text: string): boolean => /^[+-]?\d{1,10}$/.test(text) && (Number(text) | 0) === Number(text);

/** True if RE2 can compile the text: linear time, hence neither look-around nor back-references. */
export function isRegex(text: string): boolean {
  if (text.length > maxRegexLength) return false;
  try {
    RE2JS.compile(text);
    return true;
  } catch {
    // The compiler's only way to say no.
    return false;
  }
}
