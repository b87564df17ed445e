// What a further voter, or one on another host, changes of the quorum: said before anybody agrees to it. Pure.
import { quorumOf } from '../consequences';

export interface Outlook {
  now: string;
  afterwards: string;
  /** What is worth knowing about it. */
  remark: string | undefined;
}

const failuresOf = (voters: number) => voters - (Math.floor(voters / 2) + 1);

/** One more voter is not always one more failure that is tolerated. */
export function outlookOf(voters: number, added: number): Outlook {
  const then = voters + added;
  const gained = failuresOf(then) - failuresOf(voters);
  const now = quorumOf(voters);
  const afterwards = quorumOf(then);
  if (added === 0) return { now, afterwards, remark: 'As many voters as before.' };
  if (then === 2)
    return {
      now,
      afterwards,
      remark:
        'Two voters tolerate no failure: either one gone stops all changes. Add a third or a witness next.',
    };
  if (gained === 0)
    return {
      now,
      afterwards,
      remark: `${then} voters tolerate no more failures than ${voters}; one more would.`,
    };
  return { now, afterwards, remark: undefined };
}
