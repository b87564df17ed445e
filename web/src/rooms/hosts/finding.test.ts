import { describe, expect, it } from 'vitest';
import { aHost } from '../../testing/samples';
import { foundAmong } from './finding';

describe('a node is found', () => {
  const hosts = [aHost({ name: 'km4.example', alias: 'Blue' }), aHost({ name: 'km5.example' })];
  const names = (text: string) => foundAmong(hosts, text).map(({ name }) => name);

  it('by its name and its alias, however they are written', () => {
    expect(names(' KM4 ')).toEqual(['km4.example']);
    expect(names('blue')).toEqual(['km4.example']);
    expect(names('example')).toHaveLength(2);
    expect(names('')).toHaveLength(2);
    expect(names('km6')).toEqual([]);
  });

  it('but not by letters of both', () => {
    expect(names('exampleblue')).toEqual([]);
  });
});
