"""Tables and pages say what the rows say, and a comparison names what changed."""

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest

from benchmarks.cli import run_command
from benchmarks.leaderboard.compare import compare
from benchmarks.leaderboard.markdown import as_json, report
from benchmarks.leaderboard.mechanisms import mechanism_rows
from benchmarks.leaderboard.page import leaderboard_html
from benchmarks.leaderboard.recovery import curves
from benchmarks.leaderboard.standing import duels, standing, totals
from benchmarks.peers.published import RNN62 as PUBLISHED
from benchmarks.run import PAGE, write_report
from benchmarks.suites.rnn62 import RNN62
from tests.benchmarks.rows import EVERY, OTHER_TASK, PROVED, REFUTED, SAME_TASK, row
from verify.causal.mechanism import CLAIM as MECHANISM

CRASHED = {k: v for k, v in row().items() if k in ("suite", "extractor", "timeout_s", "seed")}
CRASHED |= {"network": "<m>", "crash": "ended after 5 s"}
PEER = row(EVERY, extractor="mine", command=["mine", "{network}"], operators=4, table_rows=20, states=3, agreement=0.5,
           figures={"queries": 12})  # fmt: skip
OURS = row(PROVED, REFUTED, states=2, agreement=1.0)


class Page(HTMLParser):
    """Collects addresses that are linked, pages that there are, and what would be fetched from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.pages: set[str] = set()
        self.fetched: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.links |= {found["href"] or ""} if tag == "a" else set()
        self.pages |= {found["data-page"] or ""} if "data-page" in found else set()
        self.fetched += [name for name in ("src", "srcset") if name in found] + [tag] * (tag == "link")
        self.open += [tag] if tag not in ("meta", "rect", "path", "br") else []

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("rect", "path"):
            assert self.open.pop() == tag


def test_the_page_is_whole_links_to_every_network_and_fetches_nothing() -> None:
    text = leaderboard_html([OURS, PEER, CRASHED])
    page = Page()
    page.feed(text)
    assert page.open == []
    assert page.pages == {"s/n", "s/<m>"}
    assert page.links == {"#s/n", "#s/<m>", "#"}
    assert page.fetched == []
    assert "<m>" not in text.replace("&lt;m&gt;", "")
    for said in ("State diagram of 2 states", "length up to 4 (30 checked); differs at length 7", "in part",
                 "crashed: ended after 5 s", "table of 20", "mine {network}", "00ff"):  # fmt: skip
        assert said in text
    assert text.count('<marker id="head"') == 3  # one that is never hidden, and one in each drawing


def test_totals_count_and_a_duel_compares_networks_both_have() -> None:
    found = {t.extractor: t for t in totals(map(standing, [OURS, PEER, CRASHED]))}
    assert (found["netlift"].networks, found["netlift"].programs, found["netlift"].proved) == (2, 1, 1)
    assert (found["netlift"].every_length, found["mine"].every_length) == (0, 1)
    assert (found["netlift"].short, found["mine"].short) == (1, 0)
    [duel] = duels(map(standing, [OURS, PEER, CRASHED]))
    assert (duel.networks, duel.states, duel.agreement, duel.seconds_ratio) == (1, (1, 0, 0), (1, 0, 0), 1.0)


def test_markdown_and_json_keep_the_three_questions_apart() -> None:
    does = [PROVED | {"claim": "network does its task"}]
    rows = [OURS | {"network_task": does, "task_finding": SAME_TASK}, PEER]
    text = report("s", rows)
    assert ("| n | netlift | gru | 2 (1) | 2 | length up to 4 (30 checked); differs at length 7 | 100.00% "
            "| length up to 4 (30 checked) | proved | - | 1.2 |") in text  # fmt: skip
    assert "| n | mine | gru | 4 + table of 20 (1) | 3 |" in text
    assert "| n | mine | 12 |" in text
    matrix = json.loads(as_json("s", rows))["networks"][0]
    assert [matrix[k]["verdict"] for k in ("program_network", "network_task", "program_task")] == [
        "refuted", "proved", "proved"
    ]  # fmt: skip


def test_published_columns_are_those_of_the_papers() -> None:
    assert {name: len(tasks) for name, tasks in PUBLISHED.items()} == {
        "MIPS": 32, "GPT-4": 30, "GPT-4, strictly": 21
    }  # fmt: skip
    assert all(tasks <= RNN62.keys() for tasks in PUBLISHED.values())
    assert len(PUBLISHED["MIPS"] - PUBLISHED["GPT-4"]) == 13
    assert len(PUBLISHED["GPT-4"] - PUBLISHED["MIPS"]) == 11
    text = report("rnn62", [row(EVERY, suite="rnn62", network="Bitwise_And", task="Bitwise_And")])
    assert "| yes | yes | no |\n" in text
    assert "arXiv 2402.05110" in text


def test_comparing_names_what_got_better_and_worse() -> None:
    before = [row(PROVED, network="a"), row(EVERY, network="b"), row(PROVED, network="c"), row(PROVED, network="d"),
              row(PROVED, network="gone")]  # fmt: skip
    after = [row(PROVED, network="a", operators=5), row(PROVED, REFUTED, network="b"),
             row(EVERY, network="c", task_finding=SAME_TASK), row(PROVED, network="d", seconds=9.0)]  # fmt: skip
    assert compare(before, after).splitlines() == [
        "4 networks in both runs: 1 better, 2 worse, 1 the same.",
        "", "Better:", "",
        "- c: program = network length up to 4 (30 checked), then every length (2 regions); "
        "program = task refuted, then proved",
        "", "Worse:", "",
        "- a: operators 2, then 5",
        "- b: program = network every length (2 regions), then length up to 4 (30 checked); differs at length 7",
        "", "Seconds: 1.64 times as many in the geometric mean.",
        "- d: 1.2 s, then 9.0 s",
        "", "Only in the first run: gone (netlift).",
    ]  # fmt: skip
    lost = compare([row(EVERY)], [row(program=None, operators=None, stop="the time was up")])
    assert "- n: program found, then not found (the time was up)" in lost


def test_the_command_writes_reports_and_compares(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, rows in (("a.jsonl", [OURS]), ("b.jsonl", [PEER | {"extractor": "netlift", "command": None}])):
        Path(name).write_text("".join(json.dumps(r) + "\n" for r in rows))
    for words, status, said in (
        (["bench", "--compare", "a.jsonl", "b.jsonl"], 0, "1 networks in both runs: 1 better"),
        (["bench", "--compare", "a.jsonl", "c.jsonl"], 2, "expected a store with results, got none (c.jsonl)"),
        (["bench", "--report", "out", "--out", "a.jsonl"], 0, "wrote out/leaderboard.html"),
        (["bench"], 2, "expected a suite, or --report or --compare"),
        (["bench", "streams", "--extractor", "other"], 2, "expected netlift, aalpy, tree or NAME=COMMAND"),
        (["bench", "streams", "--address", "tcp://x:1"], 2, "expected --address with --backend dask"),
    ):
        with pytest.raises(SystemExit) as ended:
            run_command(words)
        captured = capsys.readouterr()
        assert (ended.value.code, said in captured.out + captured.err) == (status, True), captured
    assert sorted(p.name for p in Path("out").iterdir()) == [PAGE, "s.json", "s.md"]
    assert write_report([OURS, CRASHED], Path("more"))[0] == Path("more") / PAGE


def test_recovery_of_planted_programs_is_counted_by_what_makes_it_harder() -> None:
    rows = [
        row(EVERY, network=str(k), planted={"noise": noise, "operators": size},
            task_finding=SAME_TASK if right else OTHER_TASK)
        for k, (noise, size, right) in enumerate([(0.0, 0, True), (0.0, 4, True), (0.01, 5, False), (0.01, 8, True)])
    ]  # fmt: skip
    assert curves(rows) == {"noise": {"0.0": (2, 2), "0.01": (1, 2)},
                            "operators": {"0": (1, 1), "1–4": (1, 1), "5–8": (1, 2)}}  # fmt: skip
    assert "| recovered | 2 of 2 (100%) | 1 of 2 (50%) |" in report("s", rows)
    table, unproved = rows[0] | {"table_rows": 17}, rows[0] | {"evidence": [REFUTED]}
    assert curves([table, unproved])["noise"] == {"0.0": (0, 2)}
    assert curves([row(EVERY)]) == {}


def test_mechanisms_are_told_with_their_decoys() -> None:
    measured = {"score": 0.97, "weakest": "s", "directions of s": 2, "decoy random network": 0.1,
                "decoy same outputs, a": 0.3, "decoy same outputs, b": 0.2,
                "decoy same outputs, finer: c": 0.9}  # fmt: skip
    tested = {"claim": MECHANISM, "verdict": "supported", "seconds": 1.25, "measured": measured}
    (cells,) = mechanism_rows([{"network": "n", "evidence": [tested]}, {"network": "m", "evidence": []}])
    assert cells == ["n", "supported, 97%", "s", "s 2", "10%", "-", "-", "30%", "1.2", ""]
    failed = tested | {"verdict": "not supported", "reason": "s is read right in 20% of the states only; 20.0% right"}
    (cells,) = mechanism_rows([{"network": "n", "evidence": [failed]}])
    assert cells[-1] == "s is read right in 20% of the states only"
