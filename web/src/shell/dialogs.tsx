// What dialogs have in common: their last line, and "are you sure" with the consequence in words.
import { Button, Group, Modal, Stack, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { GuardedButton, ProblemAlert } from './parts';

interface DialogFootProps {
  verb: string;
  busy: boolean;
  /** Why it cannot be done now. */
  whyNot?: string | undefined;
  /** It takes something away. */
  grave?: boolean;
  onClose: () => void;
  /** Without it, the button submits the form it stands in. */
  onAct?: () => void;
}

/** The way back, and the act itself. Of a grave act the way back has the focus. */
export function DialogFoot({ verb, busy, whyNot, grave = false, onClose, onAct }: DialogFootProps) {
  return (
    <Group justify="flex-end" gap="xs">
      <Button variant="default" onClick={onClose} {...(grave ? { 'data-autofocus': true } : {})}>
        Cancel
      </Button>
      <GuardedButton
        whyNot={whyNot}
        loading={busy}
        {...(grave ? { color: 'red.9' } : {})}
        {...(onAct ? { onClick: onAct } : { type: 'submit' })}
      >
        {verb}
      </GuardedButton>
    </Group>
  );
}

interface ConfirmDialogProps {
  opened: boolean;
  title: string;
  verb: string;
  error: unknown;
  busy: boolean;
  onConfirm: () => void;
  onClose: () => void;
  children: ReactNode;
}

/** Asks before something is taken away; a refusal is shown in place. */
export function ConfirmDialog(props: ConfirmDialogProps) {
  const { opened, title, verb, error, busy, onConfirm, onClose, children } = props;
  return (
    <Modal opened={opened} onClose={onClose} title={title}>
      <Stack gap="sm">
        {error != null && <ProblemAlert error={error} />}
        <Text size="sm" component="div">
          {children}
        </Text>
        <DialogFoot verb={verb} busy={busy} grave onAct={onConfirm} onClose={onClose} />
      </Stack>
    </Modal>
  );
}
