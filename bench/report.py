#!/usr/bin/env python3
"""Turns runs of //bench:association_bench, persistence_bench, rules_bench, query_bench and migrate_bench
into the table of targets.

  ./bazelw run --config=bench //bench:association_bench -- \\
      --benchmark_out=/tmp/bench.json --benchmark_out_format=json
  bench/report.py /tmp/bench.json --svg docs/latency.svg
  ./bazelw run --config=bench //bench:persistence_bench -- \\
      --benchmark_out=/tmp/persistence.json --benchmark_out_format=json
  bench/report.py /tmp/persistence.json

Prints the table as Markdown: each measure beside its yardstick in the same run, their ratio, and
whether it reaches its target. What a run lacks of its program is shown as such; with --svg a picture
is drawn of a run of association_bench. Standard library only.
"""

import argparse
import json
import statistics
import sys

MILLION = 1_000_000
LARGE = (MILLION, 4 * MILLION)
KEYS = ("", "/sequential")
OPS = ("BelongsTo", "HasOne", "Find")


class Sample(float):
    """A median, and what it is the median of: one value a turn."""

    def __new__(cls, turns):
        self = super().__new__(cls, statistics.median(turns))
        self.turns = turns
        return self


def ratio(a, b):
    """a / b: the median of the turns' ratios, for contenders take turns."""
    if isinstance(a, Sample) and isinstance(b, Sample) and len(a.turns) == len(b.turns):
        return statistics.median(x / y for x, y in zip(a.turns, b.turns))
    return a / b


class Run:
    """The turns of each benchmark of a run."""

    def __init__(self, benchmarks):
        self._by_name = {}
        for b in benchmarks:
            if b.get("error_occurred"):
                print(f"{b['name']}: {b.get('error_message')}", file=sys.stderr)
            elif b["run_type"] == "iteration":
                self._by_name.setdefault(b["run_name"], []).append(b)

    def counter(self, name, counter):
        turns = [b[counter] for b in self._by_name.get(name, []) if counter in b]
        return Sample(turns) if turns else None

    def ns(self, name):
        """Nanoseconds an item; None if the run does not have the benchmark."""
        per_second = self.counter(name, "items_per_second")
        return Sample([1e9 / x for x in per_second.turns]) if per_second else None

    def time(self, name):
        """Nanoseconds of processor time a call."""
        scale = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}
        turns = [b["cpu_time"] * scale[b["time_unit"]] for b in self._by_name.get(name, [])]
        return Sample(turns) if turns else None

    def names(self):
        return self._by_name

    def has(self, *starts):
        return any(name.startswith(starts) for name in self._by_name)

    def like(self, start):
        """Nanoseconds an item of the benchmark whose name begins so, and goes on with / if at all."""
        names = [n for n in self._by_name if n == start or n.startswith(start + "/")]
        return self.ns(names[0]) if len(names) == 1 else None


class Row:
    """A measure: `value` is to be at most (or at least) `target`."""

    def __init__(self, what, kin, yardstick, target, at_least=False, unit="ns", value=None):
        self.what, self.kin, self.yardstick = what, kin, yardstick
        self.target, self.at_least, self.unit = target, at_least, unit
        self.value = value
        if value is None and kin and yardstick:
            self.value = ratio(yardstick, kin) if at_least else ratio(kin, yardstick)

    def reached(self):
        if self.value is None:
            return "not measured"
        if self.target is None:
            return "given"
        ok = self.value >= self.target if self.at_least else self.value <= self.target
        return "yes" if ok else "**no**"

    def markdown(self):
        def number(x):
            if x is None:
                return "–"
            return f"{x:,.0f}" if abs(x) >= 1000 else f"{x:.3g}"

        def measured(x):
            return "–" if x is None else f"{number(x)} {self.unit}".strip()

        sign = "≥" if self.at_least else "≤"
        target = "–" if self.target is None else f"{sign} {self.target:,}"
        value = "–" if self.value is None else (
            f"{self.value:,.0f}" if self.value >= 1000 else f"{self.value:.2f}")
        return (f"| {self.what} | {measured(self.kin)} | {measured(self.yardstick)} | {value} "
                f"| {target} | {self.reached()} |")


def size(n):
    return f"{n // MILLION}M" if n >= MILLION else f"{n // 1000}k"


def lookups(run, mode, sizes, target, target_small, ops=OPS):
    for op in ops:
        for n in sizes:
            for keys in KEYS:
                flat = run.ns(f"BM_{op}/{mode}/flat/{n}{keys}")
                named = f"{op}, {mode.replace('_', ' ')}, {size(n)}"
                named += ", sequential" if keys else ""
                yield Row(named, run.ns(f"BM_{op}/{mode}/kin/{n}{keys}"), flat, target)
                if target_small is not None:
                    yield Row(named + ", huge pages off",
                              run.ns(f"BM_{op}/{mode}/kin/{n}{keys}/small_pages"), flat,
                              target_small)


def with_writer(run, mode, target, what):
    for op in OPS:
        name = f"BM_{op}/{mode}/kin/{MILLION}/real_time"
        writes = run.counter(name, "writes_per_second")
        rate = "" if writes is None else f" ({writes:,.0f} a second reached)"
        flat = run.ns(f"BM_{op}/{mode}/flat/{MILLION}/real_time")
        yield Row(f"{op}, beside a writer, {what}{rate}; idle flat", run.ns(name), flat, target)
        locked = run.ns(f"BM_{op}/{mode}/flat_mutex/{MILLION}/real_time")
        yield Row(f"the same, flat with absl::Mutex; idle flat", locked, flat, None)


def scaling(run):
    def gain(op, who):
        one = run.ns(f"BM_{op}/threads1/{who}/{MILLION}/real_time/threads:1") or run.ns(
            f"BM_{op}/threads1/{who}/{MILLION}/real_time")
        two = run.ns(f"BM_{op}/threads2/{who}/{MILLION}/real_time/threads:2")
        return Sample([a / b for a, b in zip(one.turns, two.turns)]) if one and two else None

    for op in OPS:
        kin, flat = gain(op, "kin"), gain(op, "flat")
        yield Row(f"{op}, what two reader threads gain, 1M", kin, flat, 0.95, True, "×",
                  ratio(kin, flat) if kin and flat else None)


def others(run):
    snapshot = "BM_Snapshot/{}/10000"
    yield Row("read under an old snapshot what was updated 1,000,000 times since; a fresh read",
              run.ns(snapshot.format("read_old/kin")), run.ns(snapshot.format("read_fresh/kin")), 3)
    yield Row("take and drop a snapshot; two lock/unlock pairs of absl::Mutex",
              run.ns(snapshot.format("take_and_drop/kin")),
              run.ns(snapshot.format("take_and_drop/two_mutex_locks")), 1)
    for n in (10_000, MILLION):
        for keys in KEYS:
            yield Row(f"insert, 100 a transaction, {size(n)}{keys.replace('/', ', ')}: speed",
                      run.ns(f"BM_Insert/of_100/kin/{n}{keys}"),
                      run.ns(f"BM_Insert/of_100/flat/{n}{keys}"), 0.6, True)
    for n in (10_000, MILLION):
        update = f"BM_Update/single/kin/{n}"
        kin, flat = run.ns(update), run.ns(f"BM_Update/single/flat/{n}")
        yield Row(f"update transactions a second, {size(n)}", kin, flat, 1_000_000, True,
                  value=run.counter(update, "items_per_second"))
        yield Row(f"the same: speed, of copy + flat assign", kin, flat, None, True)
    for n in LARGE:
        name = "BM_Memory/key_and_foreign_key/{}/{}/iterations:1"
        kin, flat = (run.counter(name.format(who, n), "beyond_message") for who in ("kin", "flat"))
        yield Row(f"memory a record beyond its message, {size(n)}", kin, flat, 0.8, unit="bytes")


def flushes(run):
    """Speeds beside a program by hand; at_least: what Kin's speed is of it."""
    for what, kin, yardstick, target in (
            ("flush 1M new records, ascending; multi-row inserts", "ascending/kin",
             "ascending/bare_many", 0.8),
            ("the same, random keys; row by row, 10,000 a transaction", "random/kin",
             "random/bare_each", 2.5)):
        yield Row(what, run.like(f"BM_FlushInserts/{kin}"), run.like(f"BM_FlushInserts/{yardstick}"),
                  target, True)
    yield Row("flush 1M updates; in random order, 10,000 a transaction",
              run.like("BM_FlushUpdates/random/kin"), run.like("BM_FlushUpdates/random/bare_each"),
              1.5, True)
    ten, one = run.like("BM_FlushHot/ten_updates/kin"), run.like("BM_FlushHot/one_update/kin")
    yield Row("10 updates of each of 100,000 records; one of each", ten, one, 1.2)


def beside(run):
    yield Row("a commit beside write-behind; in memory only",
              run.like("BM_CommitBeside/write_behind/kin"),
              run.like("BM_CommitBeside/memory_only/kin"), 1.3)
    yield Row("a lookup beside a flush; beside none", run.like("BM_ReadBeside/flush/kin"),
              run.like("BM_ReadBeside/idle/kin"), 1.1)


def loads(run):
    yield Row("load 1M records", run.like("BM_Load/1000000/kin"),
              run.like("BM_Load/1000000/bare"), 1.1, True)
    yield Row("load 100,000 rows of two columns", run.like("BM_LoadPairs/100000/kin"),
              run.like("BM_LoadPairs/100000/bare"), None, True)
    name = "BM_LoadMemory/1000000/kin/iterations:1/real_time"
    yield Row("most memory while loading; after", None, None, 1.15,
              value=run.counter(name, "peak_over_after"))


def durable(run):
    for level, one, many in (("Synced", 0.7, 8), ("Written", None, 1.5)):
        def commit(who, threads):
            starts = f"BM_{level}/single/{who}/"
            names = [n for n in run.names()
                     if n.startswith(starts) and n.endswith(f"/threads:{threads}")]
            return run.ns(names[0]) if len(names) == 1 else None

        bare = commit("bare", 1)
        yield Row(f"k{level}, one thread", commit("kin", 1), bare, one, True)
        yield Row(f"k{level}, 16 threads; one thread", commit("kin", 16), bare, many, True)


def rules(run):
    insert = "BM_InsertWithIndexes"
    yield Row("insert with indexes; maps by hand: speed", run.like(f"{insert}/kin"),
              run.like(f"{insert}/maps"), 0.6, True)
    for what in ("rules", "hooks", "watched"):
        yield Row(f"the same with {what}; without", run.like(f"{insert}/kin_{what}"),
                  run.like(f"{insert}/kin"), None)
    for children in (10, 1000, 200_000):
        yield Row(f"iterate a has_many of {children:,}, a child; a vector",
                  run.ns(f"BM_HasMany/kin/{children}"), run.ns(f"BM_HasMany/vector/{children}"), 1.5)
    yield Row("cascade of a delete; one by one: speed", run.like("BM_Cascade/kin"),
              run.like("BM_Cascade/one_by_one"), None, True)


def schemas(run):
    for n in (0, MILLION):
        yield Row(f"open, schema unchanged, {n:,} rows; SQLite reads the same rows",
                  run.like(f"BM_OpenUnchanged/{n}/kin"), run.like(f"BM_OpenUnchanged/{n}/bare"), None)
    for what, name in (("add a column", "AddColumn"), ("rename a column", "RenameColumn")):
        for n in (1000, MILLION):
            yield Row(f"{what}, {n:,} rows; ALTER TABLE by hand", run.like(f"BM_{name}/{n}/kin"),
                      run.like(f"BM_{name}/{n}/bare"), None)
        yield Row(f"{what}, 1,000,000 rows; 1,000 rows", run.like(f"BM_{name}/{MILLION}/kin"),
                  run.like(f"BM_{name}/1000/kin"), None)
    yield Row("open and add a column, 1,000,000 rows; open and add none",
              run.like("BM_OpenAdding/1000000/kin"),
              run.like("BM_OpenAdding/1000000/kin_adding_nothing"), None)


def queries(run):
    def beside(what, kin, yardstick, target=None, at_least=False):
        return Row(what, run.time(f"BM_{kin}"), run.time(f"BM_{yardstick}"), target, at_least)

    yield beside("filtering scan of 1M; a loop over a vector of the same objects", "Scan/kin",
                 "Scan/hand", 1.3)
    yield beside("the same; a loop over All()", "Scan/kin", "Scan/hand_over_all")
    for how, called in (("Key", "key"), ("Index", "unique integer"), ("Text", "unique text")):
        yield beside(f"equality, {called}; Find or FindBy", f"EqualityBy{how}/kin",
                     f"EqualityBy{how}/find", 1.3)
    yield beside("range of 100; absl::btree_map", "Range100/kin", "Range100/btree_map", 1.5)
    yield beside("two hops with a filter: speed, of SQLite in memory", "TwoHops/kin",
                 "TwoHops/sqlite", 50, True)
    yield beside("the same; loops by hand", "TwoHops/kin", "TwoHops/hand")
    for what, name in (("filtering scan", "Scan"), ("equality by index", "EqualityByIndex"),
                       ("range of 100", "Range100"), ("join", "Join"), ("top 10 of 1M", "Top10"),
                       ("top 10 by index", "Top10ByIndex"), ("sum of 1000", "SumOf1000"),
                       ("count of 1000", "CountOf1000"), ("group by", "GroupBy")):
        yield beside(f"{what}: speed, of SQLite in memory", f"{name}/kin", f"{name}/sqlite", None,
                     True)


def rows(run):
    if run.has("BM_BelongsTo/", "BM_HasOne/", "BM_Find/"):
        yield from associations(run)
    if run.has("BM_FlushInserts/", "BM_Load/", "BM_Written/", "BM_Synced/", "BM_CommitBeside/"):
        yield from flushes(run)
        yield from beside(run)
        yield from loads(run)
        yield from durable(run)
    if run.has("BM_InsertWithIndexes/", "BM_Cascade/"):
        yield from rules(run)
    if run.has("BM_OpenUnchanged/", "BM_AddColumn/", "BM_RenameColumn/"):
        yield from schemas(run)
    if run.has("BM_Scan/", "BM_Range100/", "BM_TwoHops/"):
        yield from queries(run)


def associations(run):
    yield from lookups(run, "dependent", LARGE, 0.65, 0.85)
    yield from lookups(run, "independent", LARGE, 0.75, 0.95)
    yield from lookups(run, "independent", (10_000,), 1.0, None)
    yield from lookups(run, "batch", LARGE, 0.40, 0.57, ("BelongsTo", "HasOne"))
    yield from lookups(run, "batch_of_64", LARGE, 0.40, 0.57, ("BelongsTo", "HasOne"))
    yield from with_writer(run, "with_writer", 1.0, "100,000 transactions a second wanted")
    yield from with_writer(run, "with_busy_writer", 1.1, "as fast as it can")
    yield from scaling(run)
    yield from others(run)


def picture(run):
    """An SVG of nanoseconds a lookup against the number of records, both logarithmic."""
    from math import log10

    sizes = (10_000, MILLION, 4 * MILLION)
    series = [("kin", "dependent", "#0b6e4f", ""), ("flat", "dependent", "#c03221", ""),
              ("kin", "independent", "#0b6e4f", "6 4"), ("flat", "independent", "#c03221", "6 4")]
    left, right, top, bottom = 60, 470, 30, 300
    points = {(who, mode): [(n, run.ns(f"BM_BelongsTo/{mode}/{who}/{n}")) for n in sizes]
              for who, mode, _, _ in series}
    values = [ns for line in points.values() for _, ns in line if ns]
    if not values:
        sys.exit("nothing to draw: the run has no BM_BelongsTo")
    low, high = log10(min(values)) - 0.1, log10(max(values)) + 0.1

    def x(n):
        return left + (log10(n) - log10(sizes[0])) / (log10(sizes[-1]) - log10(sizes[0])) * (
            right - left)

    def y(ns):
        return bottom - (log10(ns) - low) / (high - low) * (bottom - top)

    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 350" '
           'font-family="sans-serif" font-size="12">',
           '<rect width="640" height="350" fill="white"/>',
           f'<text x="{left}" y="18" font-size="14">Following a belongs_to: ns a lookup</text>']
    for ns in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000):
        if low <= log10(ns) <= high:
            out.append(f'<line x1="{left}" x2="{right}" y1="{y(ns):.1f}" y2="{y(ns):.1f}" '
                       'stroke="#ddd"/>')
            out.append(f'<text x="{left - 8}" y="{y(ns) + 4:.1f}" text-anchor="end">{ns}</text>')
    for n in sizes:
        out.append(f'<text x="{x(n):.1f}" y="{bottom + 20}" text-anchor="middle">{size(n)}</text>')
    out.append(f'<text x="{(left + right) / 2}" y="{bottom + 40}" text-anchor="middle">'
               'records</text>')
    for who, mode, colour, dash in series:
        line = [(x(n), y(ns)) for n, ns in points[who, mode] if ns]
        if not line:
            continue
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in line)
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2" '
                   f'stroke-dasharray="{dash}"/>')
        out.extend(f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3" fill="{colour}"/>' for a, b in line)
        label = {"kin": "Kin", "flat": "flat_hash_map"}[who]
        out.append(f'<text x="{line[-1][0] + 8:.1f}" y="{line[-1][1] + 4:.1f}" '
                   f'fill="{colour}">{label}, {mode}</text>')
    return "\n".join(out + ["</svg>", ""])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("run", help="what --benchmark_out wrote, as JSON")
    parser.add_argument("--svg", help="where to write the picture")
    arguments = parser.parse_args()
    with open(arguments.run, encoding="utf-8") as file:
        run = Run(json.load(file)["benchmarks"])
    print("| measure | Kin | yardstick | ratio | target | reached |")
    print("| --- | --- | --- | --- | --- | --- |")
    for row in rows(run):
        print(row.markdown())
    if arguments.svg:
        with open(arguments.svg, "w", encoding="utf-8") as file:
            file.write(picture(run))


if __name__ == "__main__":
    main()
