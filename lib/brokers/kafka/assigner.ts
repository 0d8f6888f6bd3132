import type { GroupPartitionsAssigner } from '@platformatic/kafka';

/** What a member of the group says of itself when it joins. */
export interface Claim {
  readonly member: string;
  /** The generation in which it had these partitions. */
  readonly generation: number;
  readonly partitions: readonly number[];
}

/**
 * Who gets which partition. Each member keeps what it has up to its fair share. What it has beyond that goes to nobody in this
 * round: the member hands out nothing more of it, ends what is out, and joins again without it; then it is free. So a partition never has two
 * members, and a task that runs is not run again because another process started.
 */
export function assign(claims: readonly Claim[], partitions: number): Map<string, number[]> {
  const owners = ownersOf(claims, partitions);
  const shares = new Map(claims.map(({ member }) => [member, [] as number[]]));
  // Those who have most keep most, so that as little as possible moves.
  const members = [...shares.keys()].sort((a, b) => owned(owners, b) - owned(owners, a) || (a < b ? -1 : 1));
  const share = Math.floor(partitions / members.length);
  const rooms = new Map(
    members.map((member, index) => [member, share + (index < partitions % members.length ? 1 : 0)]),
  );
  for (const [partition, member] of owners) {
    const list = shares.get(member)!;
    if (list.length < rooms.get(member)!) list.push(partition);
  }
  for (let partition = 0; partition < partitions; partition++) {
    if (owners.has(partition)) continue;
    const member = members.find((each) => shares.get(each)!.length < rooms.get(each)!);
    if (member !== undefined) shares.get(member)!.push(partition);
  }
  return shares;
}

/** Of two members that claim a partition, the one of the later generation has it. */
function ownersOf(claims: readonly Claim[], partitions: number): Map<number, string> {
  const owners = new Map<number, string>();
  for (const { member, partitions: list } of claims.toSorted((a, b) => a.generation - b.generation)) {
    for (const partition of list) if (partition < partitions) owners.set(partition, member);
  }
  return owners;
}

const owned = (owners: ReadonlyMap<number, string>, member: string): number =>
  [...owners.values()].filter((each) => each === member).length;

/** Run by the one member that the group chose to share out. */
export const shareOut: GroupPartitionsAssigner = (_own, members, topics, metadata) => {
  const claims = [...members.values()].map(({ memberId, metadata: text }) => readClaim(memberId, text));
  const assigned = new Map(
    claims.map(({ member }) => [member, new Map<string, { topic: string; partitions: number[] }>()]),
  );
  for (const topic of topics) {
    const shares = assign(claims, metadata.topics.get(topic)?.partitionsCount ?? 0);
    for (const [member, partitions] of shares) assigned.get(member)!.set(topic, { topic, partitions });
  }
  return [...assigned].map(([memberId, assignments]) => ({ memberId, assignments }));
};

function readClaim(member: string, text: Buffer | string | undefined): Claim {
  try {
    const { generation, partitions } = JSON.parse(String(text)) as Claim;
    return { member, generation: Number(generation), partitions: partitions.filter(Number.isInteger) };
  } catch {
    return { member, generation: -1, partitions: [] };
  }
}
