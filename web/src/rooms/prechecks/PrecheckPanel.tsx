// The tab Prechecks: what Kyvos Manager HA needs, on every host, as it was found last.
import { PrecheckTable } from './PrecheckTable';

export function PrecheckPanel() {
  return (
    <section className="panel" aria-label="Prechecks" data-section="prechecks" style={{ paddingTop: 10 }}>
      <PrecheckTable host={undefined} padded />
    </section>
  );
}
