// The sections of the Dashboard, one for each type of service: how many are up of those wanted running, what is marked, which BI
// Server is the Coordination Master, and the first that are missing. From counts alone, however many services there are.
import { Title, VisuallyHidden } from '@mantine/core';
import { useId } from 'react';
import { useCluster } from '../../live/session';
import type { ServiceCount } from '../../live/types';
import { count as number } from '../../shell/format';
import { Listing, Panel } from '../../shell/listing';
import { Empty, Pill, TextLink } from '../../shell/parts';
import { useServiceCounts, useServiceWatch } from './queries';
import { tallyOfCount, titleOfType, titlesOfType } from './reading';
import classes from './ServiceSections.module.css';
import { downMark, hostOf, marksOf, moreMissing, sectionsOf, sharesOf } from './sections';
import { watchReading } from './watch';

const ofType = ({ type }: ServiceCount) => `/nodes-and-services/services?type=${type}`;

/** Its host, which leads to all that is known of it, over this page. */
function Why({ id, of, state }: { id: string; of: ServiceCount; state: string }) {
  return (
    <TextLink
      to={`?do=why&service=${encodeURIComponent(id)}`}
      label={`Why is ${titleOfType(of.type)} on ${hostOf(id)} ${state}?`}
    >
      {hostOf(id)}
    </TextLink>
  );
}

/** Who that is ZooKeeper shows; while nobody can look there, who it was. */
function CoordinationMaster({ count }: { count: ServiceCount }) {
  const watch = useServiceWatch().data;
  const id = count.coordination_master;
  if (count.type !== 'bi_server' || watch === undefined) return null;
  // While BI Servers rest, or nobody can look, that none is seen is no news.
  const isNews = watch.state === 'watching' && count.wanted_running > 0;
  if (id == null) return isNews ? <p data-master>No Coordination Master is seen.</p> : null;
  return (
    <p data-master={id}>
      <Pill tone="info">Coordination Master</Pill> <Why id={id} of={count} state="as it is" />
      {watchReading(watch).staleSince !== undefined && ', when last seen'}
    </p>
  );
}

function Missing({ count }: { count: ServiceCount }) {
  const { words, tone } = downMark(count);
  const more = moreMissing(count);
  if (count.missing === 0) return null;
  return (
    <p data-missing>
      <Pill tone={tone}>{words}</Pill>{' '}
      {count.missing_first.map((id, at) => (
        <span key={id}>
          {at > 0 && ', '}
          <Why id={id} of={count} state="down" />
        </span>
      ))}
      {more > 0 && (
        <>
          {' '}
          and <TextLink to={`${ofType(count)}&show=look`}>{number(more)} more</TextLink>
        </>
      )}
    </p>
  );
}

function Shares({ count }: { count: ServiceCount }) {
  return (
    <div className={classes.shares} aria-hidden>
      {sharesOf(count).map(({ tone, many }) => (
        <span key={tone} className={classes[tone]} style={{ flexGrow: many }} />
      ))}
    </div>
  );
}

function Section({ count }: { count: ServiceCount }) {
  const id = useId();
  const { words, tone } = tallyOfCount(count);
  const marks = marksOf(count);
  return (
    <section className={classes.section} aria-labelledby={id} data-type={count.type}>
      <div className={classes.head}>
        <Title order={3} id={id}>
          <TextLink to={ofType(count)}>{titlesOfType(count.type)}</TextLink>
        </Title>
        <Pill tone={tone}>
          {words} {count.type === 'kyvos_manager' ? 'seen' : 'up'}
          <VisuallyHidden>, of those wanted running</VisuallyHidden>
        </Pill>
      </div>
      <Shares count={count} />
      <CoordinationMaster count={count} />
      <Missing count={count} />
      {marks.length > 0 && (
        <p className={classes.marks}>
          {marks.map((mark) => (
            <Pill key={mark.words} tone={mark.tone}>
              {mark.words}
            </Pill>
          ))}
        </p>
      )}
    </section>
  );
}

function NoRoles() {
  return (
    <Empty title="No services">
      Give the nodes their roles on <TextLink to="/nodes-and-services">Nodes</TextLink>: each is a service.
    </Empty>
  );
}

export function ServiceSections() {
  const ha = useCluster().data?.ha_enabled ?? false;
  const query = useServiceCounts();
  return (
    <Panel title="Kyvos services" section="service-types">
      <Listing
        query={query}
        items={query.data && sectionsOf(query.data.types, ha)}
        empty={<NoRoles />}
        placeholders={3}
      >
        {(types) => (
          <div className={classes.sections}>
            {types.map((count) => (
              <Section key={count.type} count={count} />
            ))}
          </div>
        )}
      </Listing>
    </Panel>
  );
}
