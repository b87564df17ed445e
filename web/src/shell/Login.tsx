// Signing in, and back to where one came from. Every way it can fail has its own sentence.
import { Alert, Button, Center, PasswordInput, Stack, Text, TextInput, Title } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useEffect, useRef, useState } from 'react';
import { useNavigate, useSearchParams } from 'react-router';
import { sayAtLogin, useFarewell } from '../live/farewell';
import { asProblem } from '../live/problem';
import { keys } from '../live/queries';
import { signIn } from '../live/session';
import { Icon } from './icons';
import { Command } from './parts';

const SENTENCES: Record<string, string> = {
  WRONG_CREDENTIALS: 'User name or password is wrong.',
  TOO_MANY_LOGINS: 'Too many attempts. Wait a moment and try again.',
  NO_ANSWER:
    'This Kyvos Manager does not answer. Check that it is running, or use another Manager of the group.',
};

/** What to tell the one who could not sign in. */
export function loginSentence(error: unknown): string {
  const problem = asProblem(error);
  if (problem.status === 503)
    return 'No active Kyvos Manager: signing in needs one. An election takes a few seconds; without a quorum, see km status on a host.';
  return SENTENCES[problem.code] ?? problem.message;
}

/** Only a path of this page: an address from elsewhere must not be followed. */
export function safeNext(next: string | null): string {
  return next?.startsWith('/') && !next.startsWith('//') && !next.startsWith('/\\') ? next : '/';
}

export function Login() {
  const [username, setUsername] = useState('');
  const [password, setPassword] = useState('');
  const [params] = useSearchParams();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const passwordField = useRef<HTMLInputElement>(null);
  const farewell = useFarewell();

  useEffect(() => {
    document.title = 'Sign in · Kyvos Manager';
  }, []);

  const login = useMutation({
    mutationFn: () => signIn(username, password),
    onSuccess: async () => {
      sayAtLogin(undefined);
      await queries.resetQueries({ queryKey: keys.me });
      navigate(safeNext(params.get('next')), { replace: true });
    },
    onError: () => {
      passwordField.current?.focus();
      passwordField.current?.select();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (username && password) login.mutate();
  };

  return (
    <Center mih="100vh" p="md" component="main">
      <form onSubmit={submit} className="panel" style={{ width: 360, padding: 28 }}>
        <Stack gap="md">
          <Stack gap={2} align="center">
            <img src="/favicon.svg" alt="" width={40} height={40} />
            <Title order={1} mt={8}>
              Kyvos Manager
            </Title>
            <Text size="sm" c="dimmed">
              {location.host}
            </Text>
          </Stack>
          {farewell && !login.isError && (
            <Alert variant="default" className="tone-ok" icon={<Icon name="check" />} role="status">
              {farewell}
            </Alert>
          )}
          <div aria-live="assertive">
            {login.isError && (
              <Alert variant="default" className="tone-bad" icon={<Icon name="error" />} id="login-error">
                {loginSentence(login.error)}
              </Alert>
            )}
          </div>
          <TextInput
            label="User name"
            name="username"
            autoComplete="username"
            autoFocus
            required
            withAsterisk={false}
            value={username}
            onChange={(event) => setUsername(event.currentTarget.value)}
          />
          <PasswordInput
            ref={passwordField}
            label="Password"
            name="password"
            autoComplete="current-password"
            required
            withAsterisk={false}
            value={password}
            onChange={(event) => setPassword(event.currentTarget.value)}
          />
          <Button type="submit" size="sm" loading={login.isPending}>
            Sign in
          </Button>
          {login.isError && asProblem(login.error).status === 503 && <Command>km status</Command>}
        </Stack>
      </form>
    </Center>
  );
}
