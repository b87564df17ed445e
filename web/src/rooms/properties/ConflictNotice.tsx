// Two people changed one value: what it was, what they made of it, what I want. The operator decides.
import { Button, Group, Text } from '@mantine/core';
import type { Conflict } from './drafts';
import classes from './properties.module.css';

interface ConflictNoticeProps {
  conflict: Conflict;
  mine: string;
  onKeepMine: () => void;
  onTakeTheirs: () => void;
}

function Side({ label, value }: { label: string; value: string }) {
  return (
    <>
      <dt>{label}</dt>
      <dd className="mono">{value === '' ? <span className="quiet">empty</span> : value}</dd>
    </>
  );
}

export function ConflictNotice({ conflict, mine, onKeepMine, onTakeTheirs }: ConflictNoticeProps) {
  return (
    <div className={classes.conflict} role="alert">
      <Text size="sm" fw={600}>
        Changed by {conflict.by} at index {conflict.revision}
      </Text>
      <dl className="facts">
        <Side label="Was" value={conflict.before} />
        <Side label={`${conflict.by} set`} value={conflict.theirs} />
        <Side label="Yours" value={mine} />
      </dl>
      <Group gap="xs" mt={6}>
        <Button variant="default" onClick={onTakeTheirs}>
          Take theirs
        </Button>
        <Button variant="default" onClick={onKeepMine}>
          Keep mine
        </Button>
      </Group>
    </div>
  );
}
