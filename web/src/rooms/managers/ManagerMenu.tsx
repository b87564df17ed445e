// The Action menu of one Manager: what can be done with it from here.
import { Menu } from '@mantine/core';
import type { ReactNode } from 'react';
import { Icon } from '../../shell/icons';

interface ManagerMenuProps {
  onProperties: () => void;
  /** The button that opens it. */
  children: ReactNode;
}

export function ManagerMenu({ onProperties, children }: ManagerMenuProps) {
  return (
    <Menu position="bottom-start" width={200} withinPortal>
      <Menu.Target>{children}</Menu.Target>
      <Menu.Dropdown>
        <Menu.Item leftSection={<Icon name="info" />} onClick={onProperties}>
          Properties
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
