// What the page is doing while its Manager does not answer, and what the operator can do meanwhile.
import { Anchor, List, Text, Title } from '@mantine/core';
import { useNow } from '../live/clock';
import { type Trial, useConnection } from '../live/connection';
import { sameThere } from '../live/failover';
import { duration } from './format';
import { Command, Pill, type Tone } from './parts';

/** A moment of patience: a failover is usually over before this. */
const EXPLAIN_AFTER_MS = 4000;
const TONES: Record<Trial['outcome'], Tone> = { asking: 'info', answered: 'ok', 'no answer': 'bad' };

function Trials({ trials }: { trials: Trial[] }) {
  if (trials.length === 0) return <Text size="sm">This page knows no other Manager of the group.</Text>;
  return (
    <List size="sm" spacing={4}>
      {trials.map(({ url, outcome }) => (
        <List.Item key={url}>
          <Anchor href={sameThere(url, location)} inherit underline="always">
            {url}
          </Anchor>{' '}
          <Pill tone={TONES[outcome]}>{outcome}</Pill>
        </List.Item>
      ))}
    </List>
  );
}

export function LostPanel() {
  useNow();
  const { lostAt, trials } = useConnection();
  const lostMs = lostAt === undefined ? 0 : Date.now() - lostAt;
  if (lostMs < EXPLAIN_AFTER_MS) return null;
  return (
    <section className="panel" aria-labelledby="lost-title" style={{ padding: 16, marginBottom: 16 }}>
      <Title order={2} id="lost-title" mb={6}>
        No Manager has answered for {duration(lostMs)}
      </Title>
      <Text size="sm" mb="sm">
        {location.origin} stopped answering. The page asks it and these Managers every two seconds and goes to
        the first that answers:
      </Text>
      <Trials trials={trials} />
      <Text size="sm" my="sm">
        If a Manager runs but is called silent, this browser may not trust its certificate yet: open it once
        by its link. On a Manager’s host, this tells what it knows:
      </Text>
      <Command>km status</Command>
    </section>
  );
}
