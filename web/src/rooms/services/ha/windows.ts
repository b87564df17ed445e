// How a maintenance window reads. Pure.
import type { MaintenanceWindow } from '../../../live/types';
import { type Reading, titlesOfType } from '../reading';

/** With what nothing is done. */
export function windowSubject({
  type,
  host,
  service,
}: Pick<MaintenanceWindow, 'type' | 'host' | 'service'>): string {
  if (service) return service;
  if (host) return `Everything on ${host}`;
  return type ? `All ${titlesOfType(type)}` : 'All Kyvos services';
}

/** The group said whether it is open when it was asked; times pass meanwhile. */
export function windowReading(
  { from, until }: Pick<MaintenanceWindow, 'from' | 'until'>,
  now: number,
): Reading {
  if (now >= Date.parse(until)) return { word: 'Over', tone: 'idle', icon: 'check' };
  if (now < Date.parse(from)) return { word: 'To come', tone: 'info', icon: 'history' };
  return { word: 'Open', tone: 'warn', icon: 'warning' };
}
