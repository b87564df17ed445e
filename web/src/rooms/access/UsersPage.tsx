// Kyvos Manager Settings > Users.
import { ActionIcon, Table } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useState } from 'react';
import { useNow } from '../../live/clock';
import { useWhyNot } from '../../live/session';
import type { User } from '../../live/types';
import { ActionMenu } from '../../shell/ActionMenu';
import { Icon } from '../../shell/icons';
import { Age, GuardedButton, Page, Pill, ProblemAlert, Rows } from '../../shell/parts';
import { ConfirmDialog } from './ConfirmDialog';
import { deleteUser, useAccessChange, useUsers } from './queries';
import { AddUserDialog, ChangeUserDialog } from './UserForms';

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
    <Table.Tr data-user={user.username}>
      <Table.Th scope="row" style={{ background: 'none', color: 'inherit' }}>
        {user.username}
      </Table.Th>
      <Table.Td>{user.role}</Table.Td>
      <Table.Td>
        <Status user={user} />
      </Table.Td>
      <Table.Td>
        <Age at={user.created_at} />
      </Table.Td>
      <Table.Td>
        <Age at={user.changed_at} />
      </Table.Td>
      <Table.Td w={48}>
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
      </Table.Td>
    </Table.Tr>
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
    <div className="table-wrap">
      <Table aria-label="Users" highlightOnHover>
        <Table.Thead>
          <Table.Tr>
            {['User name', 'Role', 'Status', 'Created', 'Changed', 'Actions'].map((column) => (
              <Table.Th key={column} scope="col">
                {column}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {users.map((user) => (
            <Row
              key={user.username}
              user={user}
              whyNot={whyNot}
              onChange={() => setChanged(user)}
              onDelete={() => setDoomed(user)}
            />
          ))}
        </Table.Tbody>
      </Table>
      <ChangeUserDialog user={changed} onClose={() => setChanged(undefined)} />
      <ConfirmDialog
        opened={doomed !== undefined}
        title="Delete a user"
        verb="Delete"
        error={deleting.error}
        busy={deleting.isPending}
        onConfirm={() => doomed && deleting.mutate(doomed)}
        onClose={() => {
          deleting.reset();
          setDoomed(undefined);
        }}
      >
        <strong>{doomed?.username}</strong> can no longer sign in, and is signed out everywhere. What was done
        under this name stays in the audit.
      </ConfirmDialog>
    </div>
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
        {users.isPending && <Rows />}
        {users.isError && !users.data && <ProblemAlert error={users.error} />}
        {users.data && <UserTable users={users.data} whyNot={whyNot} />}
      </section>
      <AddUserDialog opened={adding} onClose={() => setAdding(false)} />
    </Page>
  );
}
