// Add Kyvos Manager and Move, opened by the address: a form, then how it goes on.
import { Button, Group, Modal, Stack } from '@mantine/core';
import { useState } from 'react';
import type { Manager } from '../../../live/types';
import { useDoing } from '../../../shell/doing';
import { OperationProgress } from '../../operations/OperationProgress';
import { successorOf } from '../acts';
import { useManagers } from '../queries';
import { displayName } from '../status';
import { AddForm, type AddFormProps } from './AddForm';
import type { Kind } from './choices';

function FormThenProgress(props: Omit<AddFormProps, 'onBegun'>) {
  const [operation, setOperation] = useState<number>();
  if (operation === undefined) return <AddForm {...props} onBegun={setOperation} />;
  return (
    <Stack gap="md">
      <OperationProgress id={operation} />
      <Group justify="flex-end">
        <Button onClick={props.onClose} data-autofocus>
          Close
        </Button>
      </Group>
    </Stack>
  );
}

function moveSentences(manager: Manager, managers: Manager[]): string[] {
  const name = displayName(manager);
  const heir = successorOf(managers);
  const active =
    manager.mode === 'active'
      ? ` It is Active: ${heir ? displayName(heir) : 'the new one'} takes over before it goes.`
      : '';
  return [
    `A new instance is added on the host you choose and catches up. Then ${name} on ${manager.host} leaves the group.${active}`,
  ];
}

interface DialogProps {
  opened: boolean;
  title: string;
  onClose: () => void;
  children: React.ReactNode;
}

function Wide({ opened, title, onClose, children }: DialogProps) {
  return (
    <Modal opened={opened} onClose={onClose} title={title} size="xl" closeOnClickOutside={false}>
      {opened && children}
    </Modal>
  );
}

/** What is moved is kept as it was when the dialog opened: at the end it is gone from the group, and the dialog has to say
 * so. */
function MoveDialog({
  id,
  managers,
  onClose,
}: {
  id: number | undefined;
  managers: Manager[];
  onClose: () => void;
}) {
  const [moved] = useState(() => managers.find((manager) => manager.id === id));
  return (
    <Wide
      opened={moved !== undefined}
      title={`Move to another host: ${moved ? displayName(moved) : ''}`}
      onClose={onClose}
    >
      {moved && (
        <FormThenProgress
          kind={moved.role === 'witness' ? 'witness' : 'manager'}
          instead={moved.id}
          sentences={moveSentences(moved, managers)}
          onClose={onClose}
        />
      )}
    </Wide>
  );
}

export function AddDialogs() {
  const { doing, close } = useDoing();
  const managers = useManagers().data;
  const kind: Kind = doing?.role === 'witness' ? 'witness' : 'manager';
  return (
    <>
      <Wide
        opened={doing?.do === 'add'}
        title={kind === 'witness' ? 'Add a witness' : 'Add Kyvos Manager'}
        onClose={close}
      >
        <FormThenProgress kind={kind} host={doing?.host} onClose={close} />
      </Wide>
      {doing?.do === 'move' && managers && (
        <MoveDialog key={doing.manager} id={doing.manager} managers={managers} onClose={close} />
      )}
    </>
  );
}
