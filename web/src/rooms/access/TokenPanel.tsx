// One kind of token: its list, and the dialog that makes a further one. What kind it is, its two users say.
import { Modal, Stack } from '@mantine/core';
import { type FormEvent, type ReactNode, useState } from 'react';
import { DialogFoot } from '../../shell/dialogs';
import { Icon } from '../../shell/icons';
import { Listing, Panel } from '../../shell/listing';
import { Empty, GuardedButton, ProblemAlert } from '../../shell/parts';

interface TokenPanelProps<Token> {
  title: string;
  /** "API token", "join token" */
  noun: string;
  /** Why it is a good idea to make one. */
  hint: string;
  query: { data: Token[] | undefined; isPending: boolean; isError: boolean; error: unknown };
  whyNot: string | undefined;
  table: (tokens: Token[]) => ReactNode;
  form: (onClose: () => void) => ReactNode;
  /** The dialog is open at once: a link asked for it. */
  openAtOnce?: boolean;
}

export function TokenPanel<Token>(props: TokenPanelProps<Token>) {
  const { title, noun, hint, query, whyNot, table, form, openAtOnce = false } = props;
  const [making, setMaking] = useState(openAtOnce);
  const close = () => setMaking(false);
  const make = (
    <GuardedButton whyNot={whyNot} leftSection={<Icon name="plus" />} onClick={() => setMaking(true)}>
      Make {noun}
    </GuardedButton>
  );
  return (
    <Panel title={title} actions={make}>
      <Listing
        query={query}
        items={query.data}
        placeholders={2}
        empty={<Empty title={`No ${noun}s`}>{hint}</Empty>}
      >
        {table}
      </Listing>
      <Modal
        opened={making}
        onClose={close}
        title={`Make ${noun.startsWith('A') ? 'an' : 'a'} ${noun}`}
        closeOnClickOutside={false}
      >
        {form(close)}
      </Modal>
    </Panel>
  );
}

interface IssueFormProps {
  issuing: { isError: boolean; error: unknown; isPending: boolean };
  onIssue: () => void;
  onClose: () => void;
  children: ReactNode;
}

/** The fields of a token to be made, and what was refused. */
export function IssueForm({ issuing, onIssue, onClose, children }: IssueFormProps) {
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onIssue();
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        {issuing.isError && <ProblemAlert error={issuing.error} title="Not made" />}
        {children}
        <DialogFoot verb="Make token" busy={issuing.isPending} onClose={onClose} />
      </Stack>
    </form>
  );
}
