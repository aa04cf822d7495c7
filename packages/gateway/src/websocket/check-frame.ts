import { isControlOpcode, isKnownOpcode, MAX_CONTROL_PAYLOAD, Opcode, splitFlags } from '@m2/core';

/** What is wrong with a frame that Mongrel2 let through (protocol 9); undefined when nothing is. To be failed with 1002. */
export function checkFrame(flags: number, length: number, deflate: boolean): string | undefined {
  const { rsv1, rsv2, rsv3, opcode } = splitFlags(flags);
  // RFC 6455 section 5.2: reserved bits are 0 unless an extension gives them a meaning.
  if (rsv2 || rsv3) return 'a reserved bit is set';
  if (!isKnownOpcode(opcode)) return `opcode ${opcode} is reserved`;
  // Fragments arrive joined, under the opcode of the first.
  if (opcode === Opcode.continuation) return 'a continuation of nothing';
  const control = isControlOpcode(opcode);
  if (rsv1 && !deflate) return 'RSV1 is set, but no compression was agreed on';
  // RFC 7692 section 6.1: control frames are never compressed.
  if (rsv1 && control) return 'a control frame is compressed';
  // RFC 6455 section 5.5.
  if (control && length > MAX_CONTROL_PAYLOAD) return 'a control frame is too long';
  return undefined;
}
