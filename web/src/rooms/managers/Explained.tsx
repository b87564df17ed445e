// Why something is as it is: the verdict in a sentence, and the rules behind it.
import { List, Text } from '@mantine/core';
import type { Explanation } from '../../live/types';
import { Icon } from '../../shell/icons';
import { ProblemAlert } from '../../shell/parts';
import { type About, type Topic, useExplanation } from './queries';

/** Folded: the verdict names the one that decides. */
function Rules({ rules }: Pick<Explanation, 'rules'>) {
  return (
    <details>
      <summary>What was looked at</summary>
      <List size="sm" listStyleType="none" spacing={2}>
        {rules.map(({ rule, pass, detail }) => (
          <List.Item key={rule} icon={<Icon name={pass ? 'check' : 'close'} size={13} />}>
            <span style={pass ? undefined : { color: 'var(--km-bad)' }}>{rule}:</span>{' '}
            <span className="quiet">{detail}</span>
          </List.Item>
        ))}
      </List>
    </details>
  );
}

interface ExplainedProps {
  question: string;
  topic: Topic;
  about?: About;
}

const NOBODY: About = {};

export function Explained({ question, topic, about = NOBODY }: ExplainedProps) {
  const { data, error } = useExplanation(topic, about);
  return (
    <section aria-label={question} data-explains={topic}>
      <Text size="sm" fw={600}>
        {question}
      </Text>
      {error && !data && <ProblemAlert error={error} />}
      <Text size="sm">{data?.verdict}</Text>
      {data && <Rules rules={data.rules} />}
    </section>
  );
}
