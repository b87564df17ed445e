// The dialogs of the Users page: adding a user, changing one.
import { Modal, NativeSelect, PasswordInput, Stack, TextInput } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { type FormEvent, useState } from 'react';
import type { Role, User } from '../../live/types';
import { DialogFoot } from '../../shell/dialogs';
import { ProblemAlert } from '../../shell/parts';
import { passwordProblem } from './passwords';
import { addUser, changeUser, ROLES, useAccessChange } from './queries';

interface RoleSelectProps {
  role: Role;
  onChange: (role: Role) => void;
}

function RoleSelect({ role, onChange }: RoleSelectProps) {
  return (
    <NativeSelect
      label="Role"
      description="Administrators do everything, maintainers run things, auditors look."
      data={ROLES}
      value={role}
      onChange={({ currentTarget }) => onChange(currentTarget.value as Role)}
    />
  );
}

function AddForm({ onClose }: { onClose: () => void }) {
  const [username, setUsername] = useState('');
  const [role, setRole] = useState<Role>('auditor');
  const [password, setPassword] = useState('');
  const adding = useAccessChange(addUser, ({ username: name }) => {
    notifications.show({ message: `${name} added.` });
    onClose();
  });
  const weak = passwordProblem(password);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (username && !weak) adding.mutate({ username, role, password });
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        {adding.isError && <ProblemAlert error={adding.error} title="Not added" />}
        <TextInput
          label="User name"
          required
          data-autofocus
          autoComplete="off"
          value={username}
          onChange={({ currentTarget }) => setUsername(currentTarget.value)}
        />
        <RoleSelect role={role} onChange={setRole} />
        <PasswordInput
          label="Password"
          required
          autoComplete="new-password"
          value={password}
          error={password && weak}
          onChange={({ currentTarget }) => setPassword(currentTarget.value)}
        />
        <DialogFoot verb="Add" busy={adding.isPending} onClose={onClose} />
      </Stack>
    </form>
  );
}

export function AddUserDialog({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <Modal opened={opened} onClose={onClose} title="Add a user">
      <AddForm onClose={onClose} />
    </Modal>
  );
}

function ChangeForm({ user, onClose }: { user: User; onClose: () => void }) {
  const [opened] = useState(user);
  const [role, setRole] = useState(user.role);
  const [status, setStatus] = useState(user.status);
  const [password, setPassword] = useState('');
  const changing = useAccessChange(changeUser, () => {
    notifications.show({ message: `${user.username} changed.` });
    onClose();
  });
  const change = {
    ...(role !== opened.role ? { role } : {}),
    ...(status !== opened.status ? { status } : {}),
    ...(password ? { password } : {}),
  };
  const weak = password ? passwordProblem(password) : undefined;
  const nothing = Object.keys(change).length === 0;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!weak && !nothing) changing.mutate({ user: opened, change });
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        {changing.isError && <ProblemAlert error={changing.error} title="Not changed" />}
        <RoleSelect role={role} onChange={setRole} />
        <NativeSelect
          label="Status"
          description="An inactive user cannot sign in."
          data={['active', 'inactive']}
          value={status}
          onChange={({ currentTarget }) => setStatus(currentTarget.value as User['status'])}
        />
        <PasswordInput
          label="New password"
          description="Empty keeps the present one."
          autoComplete="new-password"
          value={password}
          error={weak}
          onChange={({ currentTarget }) => setPassword(currentTarget.value)}
        />
        <DialogFoot
          verb="Save"
          busy={changing.isPending}
          whyNot={nothing ? 'Nothing is changed.' : undefined}
          onClose={onClose}
        />
      </Stack>
    </form>
  );
}

export function ChangeUserDialog({ user, onClose }: { user: User | undefined; onClose: () => void }) {
  return (
    <Modal opened={user !== undefined} onClose={onClose} title={`Change ${user?.username ?? ''}`}>
      {user && <ChangeForm key={user.username} user={user} onClose={onClose} />}
    </Modal>
  );
}
