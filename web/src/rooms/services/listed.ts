// All services as they were read together, and what was read of single ones since. Answers may come in another order than they
// were given in: the revision of each says which is newer. Pure.
import type { At } from '../../live/client';
import type { Service } from '../../live/types';
import { TYPES } from './reading';

export interface Listed {
  /** By type, in the order in which a cluster is started, then by host. */
  services: Service[];
  /** The revision at which all were read. */
  revision: number;
  /** Those that were read by themselves since, at which revision; also of what is no service any more. */
  single: ReadonlyMap<string, number>;
}

const isBefore = (a: Service, b: Service) =>
  a.type === b.type ? a.host < b.host : TYPES.indexOf(a.type) < TYPES.indexOf(b.type);

/** `found` in the place of what is known of `ids`. What was not found is no service any more. */
function put(services: Service[], ids: ReadonlySet<string>, found: Service[]): Service[] {
  const byId = new Map(found.filter(({ id }) => ids.has(id)).map((service) => [service.id, service]));
  const kept = services.flatMap((service) => {
    if (!ids.has(service.id)) return service;
    const now = byId.get(service.id);
    byId.delete(service.id);
    return now ?? [];
  });
  for (const added of byId.values()) {
    const at = kept.findIndex((service) => isBefore(added, service));
    kept.splice(at < 0 ? kept.length : at, 0, added);
  }
  return kept;
}

/** After all were read. `before`: what was known when that began; a service read by itself meanwhile may be newer. */
export function withAll(
  known: Listed | undefined,
  before: Listed | undefined,
  { data: services, revision }: At<Service[]>,
): Listed {
  const isNewer = ([id, at]: [string, number]) => at > revision && before?.single.get(id) !== at;
  const single = new Map([...(known?.single ?? [])].filter(isNewer));
  if (known === undefined || single.size === 0) return { services, revision, single };
  const ids = new Set(single.keys());
  return {
    services: put(
      services,
      ids,
      known.services.filter(({ id }) => ids.has(id)),
    ),
    revision,
    single,
  };
}

/** After these were read by themselves. Of what is known at a newer revision nothing changes. */
export function withSome(known: Listed, ids: string[], { data: found, revision }: At<Service[]>): Listed {
  const isNews = (id: string) => revision >= Math.max(known.revision, known.single.get(id) ?? 0);
  const news = new Set(ids.filter(isNews));
  if (news.size === 0) return known;
  const single = new Map([...known.single, ...[...news].map((id): [string, number] => [id, revision])]);
  return { services: put(known.services, news, found), revision: known.revision, single };
}
