// What dialogs have in common: their last line, and "are you sure" with the consequence in words.
import { Button, Group, Modal, Stack, Text } from '@mantine/core';
import type { UseMutationResult } from '@tanstack/react-query';
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

interface ConfirmDialogProps<Of> {
  /** What it is about; without it the dialog is closed. */
  of: Of | undefined;
  /** What is done once it is confirmed. */
  change: Pick<UseMutationResult<unknown, Error, Of>, 'error' | 'isPending' | 'mutate' | 'reset'>;
  title: string;
  verb?: string;
  onClose: () => void;
  children: ReactNode;
}

/** Asks before something is taken away; a refusal is shown in place. */
export function ConfirmDialog<Of>(props: ConfirmDialogProps<Of>) {
  const { of, change, title, verb = 'Delete', onClose, children } = props;
  const close = () => {
    change.reset();
    onClose();
  };
  return (
    <Modal opened={of !== undefined} onClose={close} title={title}>
      <Stack gap="sm">
        {change.error !== null && <ProblemAlert error={change.error} />}
        <Text size="sm" component="div">
          {children}
        </Text>
        <DialogFoot
          verb={verb}
          busy={change.isPending}
          grave
          onAct={() => of !== undefined && change.mutate(of)}
          onClose={close}
        />
      </Stack>
    </Modal>
  );
}
