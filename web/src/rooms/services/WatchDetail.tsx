// The watch of ZooKeeper in two lines, for the Dashboard: how it stands, since when it is stale, what speaks against it.
import { Age, Pill } from '../../shell/parts';
import { useServiceWatch } from './queries';
import { watchReading } from './watch';

export function WatchPill() {
  const watch = useServiceWatch().data;
  if (watch === undefined) return <>–</>;
  const { word, tone, icon } = watchReading(watch);
  return (
    <Pill tone={tone} icon={icon}>
      {word}
    </Pill>
  );
}

/** `whole`: also what each server says and all that is not seen; the Dashboard has no room for it. */
export function WatchDetail({ whole = false }: { whole?: boolean }) {
  const watch = useServiceWatch().data;
  if (watch === undefined) return null;
  const { staleSince } = watchReading(watch);
  // What could not be seen while it stood is no news once it is away.
  const troubles = watch.state === 'watching' ? watch.troubles : [];
  const hidden = whole ? troubles : troubles.slice(0, 1);
  const down = whole ? watch.servers.filter(({ serves }) => !serves) : [];
  return (
    <>
      {staleSince !== undefined && (
        <div data-stale>
          Service status may be stale: nobody has looked since <Age at={staleSince} />
        </div>
      )}
      {watch.because && <div>{watch.because}</div>}
      {down.map(({ address, because }) => (
        <div key={address}>
          {address} does not serve{because ? `: ${because}` : ''}
        </div>
      ))}
      {watch.warning && <div>{watch.warning}</div>}
      {hidden.map((trouble) => (
        <div key={trouble}>Not everything is seen: {trouble}</div>
      ))}
      {hidden.length < troubles.length && <div>and {troubles.length - hidden.length} more of that</div>}
      {watch.state === 'watching' && (
        <div>
          {watch.sightings} znodes stand for services
          {!watch.profile_verified && '; what they mean is unverified'}
        </div>
      )}
      {watch.state === 'watching' && watch.undeclared > 0 && (
        <div>
          {watch.undeclared} of their services {watch.undeclared === 1 ? 'is' : 'are'} not declared here:{' '}
          {watch.undeclared_first.join(', ')}
          {watch.undeclared > watch.undeclared_first.length && ' …'}. Is the host registered by that name,
          with that role? If so, what znodes mean is wrong.
        </div>
      )}
    </>
  );
}
