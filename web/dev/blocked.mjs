// Made-up reasons for what cannot be done with an instance.
/** Why something cannot be done with an instance now, as the group would say. */
export function blockedOf(m, active) {
  const runs = m.state === 'running';
  if (active)
    return {
      start: 'It is Active.',
      stop: 'It is Active: make another one Active before it is stopped.',
      restart: 'It is Active: use Restart Active Kyvos Manager Instance.',
      make_active: 'Not now: it is Active already.',
    };
  if (runs) return { start: 'It runs.', restart_active: 'It is not Active.' };
  const why = m.state === 'stopped' ? 'It is stopped.' : 'It does not answer.';
  return {
    stop: why,
    make_active: `Not now: ${why}`,
    restart_active: 'It is not Active.',
    ...(m.state === 'stopped' ? { restart: 'It was stopped: start it.' } : {}),
  };
}
