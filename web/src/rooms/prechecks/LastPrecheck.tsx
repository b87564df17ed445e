// What the prechecks last found about one host, in a line that leads to all of them.
import { Age, Pill, TextLink } from '../../shell/parts';
import { usePrechecks } from './queries';
import { summaryOf } from './status';

export function LastPrecheck({ host }: { host: string }) {
  const own = usePrechecks().data?.items.filter((check) => check.host === host);
  const newest = own
    ?.map(({ at }) => at)
    .sort()
    .at(-1);
  if (own === undefined || newest === undefined) return <span className="quiet">never looked at</span>;
  const { words, tone } = summaryOf(own);
  return (
    <>
      <Pill tone={tone}>{words}</Pill> <Age at={newest} />{' '}
      <TextLink to="/nodes-and-services/prechecks">all</TextLink>
    </>
  );
}
