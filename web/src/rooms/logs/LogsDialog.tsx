// Download logs, opened by the address from any page.
import { Modal } from '@mantine/core';
import { useDoing } from '../../shell/doing';
import { Rows } from '../../shell/parts';
import { useManagers } from '../managers/queries';
import { LogsForm } from './LogsForm';

export function LogsDialog() {
  const { doing, close } = useDoing();
  const managers = useManagers().data;
  const opened = doing?.do === 'logs';
  return (
    <Modal opened={opened} onClose={close} title="Download logs" size="lg" closeOnClickOutside={false}>
      {opened &&
        (managers ? (
          <LogsForm
            managers={managers}
            first={doing.manager === undefined ? [] : [doing.manager]}
            onClose={close}
          />
        ) : (
          <Rows />
        ))}
    </Modal>
  );
}
