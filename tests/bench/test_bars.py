"""What can rot in the benchmark's data: names of measurements, contestants and figures; and what a failed measurement does to its rows."""

import re
import sys
from pathlib import Path

import report

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "pyclient"))

import run  # noqa: E402

TABLE = report.load(HERE / "bars.json")
FIGURES = [bar[key] for bar in TABLE.bars for key in ("figure", "over", "less") if key in bar]
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
