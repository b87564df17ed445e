// Which properties match what was typed. An exact name leaves exactly that one.
import type { Property } from '../../live/types';

export function matching(properties: Property[], search: string): Property[] {
  const wanted = search.trim().toLowerCase();
  if (wanted === '') return properties;
  const exact = properties.filter(({ name }) => name.toLowerCase() === wanted);
  if (exact.length > 0) return exact;
  return properties.filter(({ name, value, description }) =>
    [name, value, description ?? ''].some((text) => text.toLowerCase().includes(wanted)),
  );
}
