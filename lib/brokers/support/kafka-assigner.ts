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
