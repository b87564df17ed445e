// Small parts every page uses: an age, a pill, an empty state, a problem, a page head, a guarded button.
import {
  Alert,
  Anchor,
  Box,
  Button,
  type ButtonProps,
  Group,
  Skeleton,
  Stack,
  Text,
  Title,
} from '@mantine/core';
import { type ReactNode, useEffect, useId } from 'react';
import { Link } from 'react-router';
import { useNow } from '../live/clock';
import { asProblem } from '../live/problem';
import { useCluster } from '../live/session';
import { absolute, relative } from './format';
import { Hint } from './Hint';
import { Icon, type IconName } from './icons';

/** A time as its age, with the exact time on hover. */
export function Age({ at }: { at: string | null | undefined }) {
  const now = useNow();
  if (!at) return <span className="quiet">–</span>;
  return (
    <time dateTime={at} title={absolute(at)}>
      {relative(at, now)}
    </time>
  );
}

export type Tone = 'ok' | 'warn' | 'bad' | 'info' | 'idle';

export function Pill({ tone, icon, children }: { tone: Tone; icon?: IconName; children: ReactNode }) {
  return (
    <span className={`pill tone-${tone}`}>
      {icon && <Icon name={icon} size={11} strokeWidth={2.6} />}
      {children}
    </span>
  );
}

/** Nothing to show: one sentence, and the next step. */
export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <Stack align="center" gap={4} py="xl" px="md" ta="center">
      <Text fw={600}>{title}</Text>
      {children && (
        <Text size="sm" c="dimmed" maw={520} component="div">
          {children}
        </Text>
      )}
    </Stack>
  );
}

/** A refused or failed call in the server's words, with its hint and the id to search the logs for. */
export function ProblemAlert({ error, title }: { error: unknown; title?: string }) {
  const problem = asProblem(error);
  return (
    <Alert
      color="red"
      variant="default"
      role="alert"
      icon={<Icon name="error" />}
      className="tone-bad"
      title={title}
    >
      <Text size="sm">{problem.message}</Text>
      {problem.hint && <Text size="sm">{problem.hint}</Text>}
      <Text size="xs" mt={4} className="quiet">
        {problem.code}
        {problem.requestId && ` · request ${problem.requestId}`}
      </Text>
    </Alert>
  );
}

export function Rows({ count = 4 }: { count?: number }) {
  return (
    <Stack gap={8} p="md" aria-busy="true" aria-label="Loading">
      {Array.from({ length: count }, (_, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: placeholders have nothing else
        <Skeleton key={row} height={22} />
      ))}
    </Stack>
  );
}

interface PageProps {
  title: string;
  /** What stands before the title, such as the settings group. */
  above?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}

/** One page: its heading, its actions at the right, and the browser's title. */
export function Page({ title, above, actions, children }: PageProps) {
  const name = useCluster().data?.name;
  useEffect(() => {
    document.title = [title, name, 'Kyvos Manager'].filter(Boolean).join(' · ');
  }, [title, name]);
  return (
    <Stack gap="md">
      <Group justify="space-between" align="flex-end" gap="sm">
        <div>
          {above && (
            <Text size="xs" c="dimmed" component="div">
              {above}
            </Text>
          )}
          <Title order={1}>{title}</Title>
        </div>
        {actions && <Group gap="xs">{actions}</Group>}
      </Group>
      {children}
    </Stack>
  );
}

interface GuardedButtonProps extends ButtonProps {
  /** Why it cannot be used now; undefined when it can. The button stays focusable, so that the reason can be found. */
  whyNot: string | undefined;
  onClick?: () => void;
  type?: 'button' | 'submit';
  children: ReactNode;
}

/** One button in both states: were it another element when the reason comes or goes, a click under way would be lost and the
 * keyboard's focus with it. */
export function GuardedButton({ whyNot, onClick, type, ...rest }: GuardedButtonProps) {
  const reason = useId();
  const refused = whyNot !== undefined;
  const guard = refused
    ? { 'data-disabled': true, 'aria-disabled': true, 'aria-describedby': reason, onClick: () => undefined }
    : { onClick };
  return (
    <>
      <Hint label={whyNot}>
        <Button {...rest} type={refused ? 'button' : type} {...guard} />
      </Hint>
      <span id={reason} hidden>
        {whyNot}
      </span>
    </>
  );
}

interface TextLinkProps {
  to: string;
  /** What it is called where its words alone say too little; those words are part of it. */
  label?: string;
  children: ReactNode;
}

export function TextLink({ to, label, children }: TextLinkProps) {
  return (
    <Anchor component={Link} to={to} inherit underline="always" aria-label={label}>
      {children}
    </Anchor>
  );
}

/** A command to type, as the operator would. */
export function Command({ children }: { children: string }) {
  return (
    <Box component="code" className="command">
      {children}
    </Box>
  );
}
