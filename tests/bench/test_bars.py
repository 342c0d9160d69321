"""What can rot in the benchmark's data: names of measurements, contestants and figures; and what a failed measurement does to its rows."""

import math
import re
import sys
from pathlib import Path

import base
import pytest
import report

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "pyclient"))

import run  # noqa: E402

TABLE = report.load(HERE / "bars.json")
FIGURES = [bar[key] for bar in TABLE.bars for key in ("figure", "over", "less") if key in bar]
FIGURES += [bar["figure"] for bar in TABLE.base]
FIGURES += [figure for row in TABLE.before for column in report.COLUMNS for figure in row.get(column, [""])[1:]]


def test_every_bar_of_the_goal_is_there():
    assert (
        sum("max" in bar or "min" in bar for bar in TABLE.bars) == 28 + 16 + 5
    )  # the stream of typed events and the library have two rows each; 16 are of other wire formats, 5 of many rows
    assert sum("TLS" in bar["what"] for bar in TABLE.bars) == 4


def test_every_figure_is_of_a_measurement():
    assert {report.split(figure)[0] for figure in FIGURES} <= set(TABLE.measurements)


def test_the_clients_know_what_the_measurements_run():
    of_go = re.findall(
        r'^\t"([a-z-]+)": +(?:new|inFormat)', (HERE / "goclient" / "contestants.go").read_text(), re.MULTILINE
    )
    for measurement in TABLE.measurements.values():
        runner, *words = measurement["run"].split()
        if runner == "python":
            run.parser().parse_args(words)  # ends the process with what it does not know
        elif runner == "go":
            assert words[0] in of_go
            assert words[1] in {"chat", "stream"}
        else:
            assert runner in {"c", "imports", "library"}


def test_a_failed_measurement_fails_its_bars_and_no_others():
    results = {name: [{"error": "not done within 60 s"}] for name in TABLE.measurements}
    results["library"] = results["library-fleet"] = [{"size_mb": 8.5}]
    rows = {line[0]: line for line in report.bars(TABLE, results, shown_only=False)[1:]}
    for what in ("Shared library, stripped", "Shared library with the store of fleets, stripped"):
        assert rows.pop(what)[2:] == ["8.50 MB", "8.50 MB to 8.50 MB", "≤ 11.00 MB", "yes"]
    assert {line[-1] for line in rows.values()} == {"**failed**"}
    assert all("not done within 60 s" in line[1] for line in rows.values())


def test_bars_compare_the_medians_of_the_rounds():
    bars = {bar["what"]: bar for bar in TABLE.bars}
    allocs = {
        "go-chat-llmagg": [{"allocs": 100}, {"allocs": 900}, {"allocs": 110}],
        "go-chat-raw": [{"allocs": 70}] * 3,
    }
    bar = bars["Go, `Aggregator.Chat`: allocations more than raw"]
    assert report.outcome(bar, allocs) == (40, "110 allocs - 70 allocs", "30 to 830")
    assert report.verdict(bar, 40) == "yes"
    assert report.verdict(bar, 40.5) == "**no**"
    times = {"py-chat-llmagg": [{"cpu_us": 60.0}], "py-chat-aiohttp": [{"cpu_us": 120.0}]}
    bar = bars["Python, `LLMAggregator.chat`, 32 at once: CPU ÷ hand-written aiohttp"]
    assert report.outcome(bar, times) == (0.5, "60 µs ÷ 120 µs", "0.5 to 0.5")


def test_a_base_has_a_row_for_each_figure_of_who_does_not_use_what_is_new():
    assert [bar["figure"] for bar in TABLE.base] == [
        "py-chat-llmagg.cpu_us", "py-stream-llmagg.cpu_us", "py-block-llmagg.cpu_us",
        "imports.llmagg_over_ms", "imports.first_call_ms", "py-memory-llmagg.rss_mb_10000",
    ]  # fmt: skip
    assert {bar["max"] for bar in TABLE.base} == {1.02}


@pytest.mark.parametrize("count", [6, 11, 40])
def test_the_error_of_a_median_is_the_narrowest_that_has_it_with_95_percent(count):
    low, high = report.median_error([float(number) for number in range(count, 0, -1)])
    assert low - 1 == count - high  # as many values outside on either side
    outside = [sum(math.comb(count, at) for at in range(int(low) + more)) / 2**count for more in (0, 1)]
    assert outside[0] <= 0.025 < outside[1]


def test_of_fewer_than_six_pairs_the_error_is_the_range():
    assert report.median_error([3.0, 1.0, 2.0, 5.0, 4.0]) == (1.0, 5.0)
    assert report.median_error([1.5]) == (1.5, 1.5)


def paired(before: list[dict], here: list[dict]) -> list[str]:
    found = report.Pairs("0123456789ab", 40, {"py-chat-llmagg": before}, {"py-chat-llmagg": here})
    (row,) = report.pairs(TABLE, found)[1:]  # what was not measured has no row
    return row


def test_the_ratio_is_the_median_of_the_pairs_not_the_ratio_of_the_medians():
    before = [{"cpu_us": cpu} for cpu in (100.0, 200.0, 400.0)]
    row = paired(before, [{"cpu_us": cpu} for cpu in (101.0, 190.0, 404.0)])
    assert row[1:] == ["200 µs", "190 µs", "1.010", "0.950 to 1.010", "3", "open"]


def test_within_two_percent_needs_all_of_the_error_and_says_when_it_cannot_tell():
    verdicts = [
        paired([{"cpu_us": 100.0}] * 6, [{"cpu_us": cpu} for cpu in cpus] * 2)[-1]
        for cpus in ((99.0, 102.0, 101.0), (99.0, 103.0, 101.0), (103.0, 105.0, 102.5))
    ]
    assert verdicts == ["yes", "open", "**no**"]


def test_fewer_than_six_pairs_tell_nothing():
    """Two pairs of the same package gave a range above 1.02, and were told as more than 2 %."""
    assert [paired([{"cpu_us": 100.0}] * count, [{"cpu_us": cpu}] * count)[-1] for count in (2, 5) for cpu in (90.0, 110.0)] == ["open"] * 4


def test_a_pair_that_failed_fails_its_row_and_says_whose_it_was():
    row = paired([{"cpu_us": 100.0}], [{"error": "not done within 60 s"}])
    assert row[-1] == "**failed**"
    assert row[1].startswith("here: py-chat-llmagg failed in 1 of 1 rounds: not done within 60 s")


def test_a_run_without_a_base_says_that_the_part_was_left_out():
    page = report.page(TABLE, {}, None, rounds=1, versions="", load=0.0, notes="")
    assert "This run had no `BASE`: this part was left out." in page
    found = report.Pairs("0123456789ab", 40, {"imports": [{"first_call_ms": 50.0, "llmagg_over_ms": 36.0}]}, {"imports": [{"first_call_ms": 50.0, "llmagg_over_ms": 36.0}]})
    page = report.page(TABLE, {}, found, rounds=1, versions="", load=0.0, notes="")
    assert "Before: commit `0123456789ab`, in 40 pairs at most." in page
    assert "| `import llmagg` over bare Python | 36.0 ms | 36.0 ms | 1.000 | 1.000 to 1.000 | 1 | open |" in page


def test_a_base_that_is_no_commit_is_named():
    with pytest.raises(SystemExit, match="BASE is 'no-such-commit', and git knows no such commit; expected an id"):
        base.commit("no-such-commit")
