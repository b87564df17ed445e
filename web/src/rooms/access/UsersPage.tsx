// Kyvos Manager Settings > Users.
import { ActionIcon } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useState } from 'react';
import { useNow } from '../../live/clock';
import { useWhyNot } from '../../live/session';
import type { User } from '../../live/types';
import { ActionMenu } from '../../shell/ActionMenu';
import { ConfirmDialog } from '../../shell/dialogs';
import { Icon } from '../../shell/icons';
import { DataTable, Listing, RowName } from '../../shell/listing';
import { Age, GuardedButton, Page, Pill } from '../../shell/parts';
import { deleteUser, useAccessChange, useUsers } from './queries';
import { AddUserDialog, ChangeUserDialog } from './UserForms';

const COLUMNS = ['User name', 'Role', 'Status', 'Created', 'Changed', 'Actions'];

function Status({ user }: { user: User }) {
  const now = useNow();
  if (user.locked_until && Date.parse(user.locked_until) > now)
    return (
      <Pill tone="bad" icon="close">
        Locked, <Age at={user.locked_until} />
      </Pill>
    );
  return user.status === 'active' ? (
    <Pill tone="ok" icon="check">
      Active
    </Pill>
  ) : (
    <Pill tone="idle">Inactive</Pill>
  );
}

interface RowProps {
  user: User;
  whyNot: string | undefined;
  onChange: () => void;
  onDelete: () => void;
}

function Row({ user, whyNot, onChange, onDelete }: RowProps) {
  return (
    <tr data-user={user.username}>
      <RowName>{user.username}</RowName>
      <td>{user.role}</td>
      <td>
        <Status user={user} />
      </td>
      <td>
        <Age at={user.created_at} />
      </td>
      <td>
        <Age at={user.changed_at} />
      </td>
      <td style={{ width: 48 }}>
        <ActionMenu
          actions={[
            { label: 'Change', icon: 'properties', whyNot, onAct: onChange },
            { label: 'Delete', icon: 'close', whyNot, onAct: onDelete },
          ]}
        >
          <ActionIcon variant="subtle" color="gray" aria-label={`Actions for ${user.username}`}>
            <Icon name="dots" />
          </ActionIcon>
        </ActionMenu>
      </td>
    </tr>
  );
}

function UserTable({ users, whyNot }: { users: User[]; whyNot: string | undefined }) {
  const [changed, setChanged] = useState<User>();
  const [doomed, setDoomed] = useState<User>();
  const deleting = useAccessChange(deleteUser, () => {
    notifications.show({ message: `${doomed?.username} deleted.` });
    setDoomed(undefined);
  });
  return (
    <>
      <DataTable label="Users" columns={COLUMNS}>
        {users.map((user) => (
          <Row
            key={user.username}
            user={user}
            whyNot={whyNot}
            onChange={() => setChanged(user)}
            onDelete={() => setDoomed(user)}
          />
        ))}
      </DataTable>
      <ChangeUserDialog user={changed} onClose={() => setChanged(undefined)} />
      <ConfirmDialog of={doomed} change={deleting} title="Delete a user" onClose={() => setDoomed(undefined)}>
        <strong>{doomed?.username}</strong> can no longer sign in, and is signed out everywhere. What was done
        under this name stays in the audit.
      </ConfirmDialog>
    </>
  );
}

export function UsersPage() {
  const users = useUsers();
  const whyNot = useWhyNot('users.manage');
  const [adding, setAdding] = useState(false);
  return (
    <Page
      title="Users"
      above="Kyvos Manager Settings"
      actions={
        <GuardedButton whyNot={whyNot} leftSection={<Icon name="plus" />} onClick={() => setAdding(true)}>
          Add user
        </GuardedButton>
      }
    >
      <section className="panel" aria-label="Users">
        <Listing query={users} items={users.data} empty={null}>
          {(items) => <UserTable users={items} whyNot={whyNot} />}
        </Listing>
      </section>
      <AddUserDialog opened={adding} onClose={() => setAdding(false)} />
    </Page>
  );
}
