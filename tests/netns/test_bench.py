# SPDX-License-Identifier: MIT OR Apache-2.0
"""`push-packet bench`: the document, the files, classify, compare, handoff and update."""

import json
import os
import pathlib
import shutil
import subprocess

import pytest

import lab as labs

PROGRAM = labs.PROGRAM
BUILD = pathlib.Path(PROGRAM).parents[1]
DROPS = "".join(f"drop proto udp src 198.51.{i // 256}.{i % 256} dport {i}\n" for i in range(1, 400))
CLASSBENCH = """# two of them
@192.0.2.0/24\t198.51.100.7/32\t0 : 65535\t53 : 53\t0x11/0xFF
@203.0.113.0/24\t0.0.0.0/0\t1024 : 65535\t0 : 1023\t0x06/0xFF
"""


def bench(*argv, status=0, **options):
    done = subprocess.run([PROGRAM, "bench", *map(str, argv)], capture_output=True, text=True,
                          timeout=120, check=False, **options)
    assert done.returncode == status, f"{argv}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done


@pytest.fixture(name="rules")
def rules_file(tmp_path):
    path = tmp_path / "drops.rules"
    path.write_text(DROPS)
    return path


def check_document(doc, kind):
    assert doc["tool"] == "push-packet" and doc["kind"] == kind
    assert doc["command"].startswith(f"push-packet bench {kind}")
    machine = doc["machine"]
    assert machine["kernel"] == os.uname().release
    assert machine["cpus"] == os.cpu_count()
    for key in ("cpu_model", "governor", "virtualization", "mitigations", "steal_percent"):
        assert key in machine
    assert doc["seconds"] > 0 and doc["settings"]
    for result in doc["results"]:
        assert result["name"] and result["unit"] and result["better"] in ("lower", "higher")
        if "samples" in result:
            assert result["lo"] <= result["median"] <= result["hi"]
        elif "histogram" in result:
            histogram = result["histogram"]
            assert sum(count for _, count in histogram["buckets"]) == histogram["count"]
            marks = [histogram["min"], *histogram["percentiles"].values(), histogram["max"]]
            assert marks == sorted(marks)
        else:
            assert result["verdict"] in ("met", "not met", "inconclusive")


def test_classify_measures_an_engine_on_a_rule_file(rules):
    doc = json.loads(bench("classify", "--rules", rules, "--engine", "tuple", "--runs", 3,
                           "--headers", 500, "--json").stdout)
    check_document(doc, "classify")
    assert doc["engine"] == "tuple" and doc["rules"] == 399
    assert doc["ns_p50"] <= doc["ns_p99"] <= doc["ns_max"]
    assert 0 < doc["ns_mean"] < 100_000
    assert doc["image_bytes"] >= doc["used_bytes"] > 0 and doc["build_ms"] > 0
    assert doc["answers_checked"] == 65536
    assert doc["settings"]["headers"] == 500


@pytest.mark.parametrize("count, engine", [(3, "linear"), (399, "tuple")])
def test_classify_picks_the_engine_as_the_daemon_does(tmp_path, count, engine):
    path = tmp_path / "rules"
    path.write_text("".join(DROPS.splitlines(keepends=True)[:count]))
    doc = json.loads(bench("classify", "--rules", path, "--runs", 1, "--headers", 64,
                           "--json").stdout)
    assert (doc["engine"], doc["rules"]) == (engine, count)


def test_classify_reads_classbench_too(tmp_path):
    path = tmp_path / "set"
    path.write_text(CLASSBENCH)
    doc = json.loads(bench("classify", "-r", path, "--runs", 1, "--headers", 64, "--json").stdout)
    assert doc["rules"] == 2


def test_interfaces_of_rules_are_told_apart(tmp_path):
    path = tmp_path / "rules"
    path.write_text("drop on eth7 proto udp\npass on eth8 proto udp\ndrop proto tcp\n")
    doc = json.loads(bench("classify", "-r", path, "--runs", 1, "--headers", 64, "--json").stdout)
    assert doc["answers_checked"] == 65536


@pytest.mark.parametrize("text, what", [
    ("drop proto tcp\ndrop prto udp\n", ":2:6: error: unknown word 'prto'"),
    ("drop src @bad\nset bad { 192.0.2.1 }\n", "names a set"),
    ("@192.0.2.0/24\t198.51.100.7/32\tnonsense\n", ":1:"),
    ("# nothing\n", ":1:1: error: expected a rule, found none"),
])
def test_classify_says_where_a_rule_file_is_wrong(tmp_path, text, what):
    path = tmp_path / "rules"
    path.write_text(text)
    done = bench("classify", "--rules", path, status=1)
    assert str(path) in done.stderr and what in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("argv, status, what", [
    ([], 2, "expected --rules FILE"),
    (["--rules", "/no/such"], 1, "No such file"),
    (["--rules", "{rules}", "--engine", "quick"], 1, "expected auto, linear or tuple"),
    (["--rules", "{rules}", "--headers", "0"], 2, "expected 1 to 65536"),
    (["--rules", "{rules}", "--runs", "102"], 2, "expected 1 to 101"),
])
def test_classify_refuses(rules, argv, status, what):
    done = bench("classify", *[word.format(rules=rules) for word in argv], status=status)
    assert what in done.stderr


def test_files_are_written_as_asked(rules, tmp_path):
    prefix = tmp_path / "out"
    done = bench("classify", "-r", rules, "--runs", 2, "--headers", 200, f"--json={tmp_path}/doc",
                 "--hgrm", prefix, "--chart", prefix)
    assert "all headers in turn" in done.stdout
    check_document(json.loads((tmp_path / "doc").read_text()), "classify")
    hgrm = (tmp_path / "out-one-header-again-and-again.hgrm").read_text()
    assert hgrm.split("\n")[0].split() == ["Value", "Percentile", "TotalCount", "1/(1-Percentile)"]
    assert "#[Max     =" in hgrm and "Total count    =          200]" in hgrm
    assert (tmp_path / "out.svg").read_text().count("<svg") == 1
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "out-2.svg").exists()


def test_a_missing_gnuplot_is_named_and_the_script_is_kept(rules, tmp_path):
    done = bench("classify", "-r", rules, "--runs", 1, "--headers", 64, "--chart", tmp_path / "c",
                 status=1, env={**os.environ, "PATH": "/nowhere"})
    assert "gnuplot is not installed" in done.stderr
    assert "plot $d" in (tmp_path / "c.gnuplot").read_text()


def test_files_that_cannot_be_written_are_an_error(rules):
    for option in ("--hgrm=/no/such/x", "--chart=/no/such/x", "--json=/no/such/x"):
        done = bench("classify", "-r", rules, "--runs", 1, "--headers", 64, option, status=1)
        assert "/no/such" in done.stderr


@pytest.fixture(name="runs")
def two_runs(rules, tmp_path):
    for name, headers in (("a", 64), ("b", 128)):
        bench("classify", "-r", rules, "--runs", 3, "--headers", headers,
              f"--json={tmp_path / name}")
    return tmp_path / "a", tmp_path / "b"


def test_compare_puts_two_runs_beside_each_other(runs):
    doc = json.loads(bench("compare", "--json", *runs).stdout)
    assert doc["kind"] == "classify"
    assert any("headers differs: 64 and 128" in text for text in doc["warnings"])
    assert not any("machine" in text for text in doc["warnings"])
    found = {(row["name"], row["of"]): row for row in doc["results"]}
    row = found["all headers in turn", "median"]
    assert row["lo"] <= row["ratio"] <= row["hi"]
    assert row["ratio"] == pytest.approx(row["b"] / row["a"])
    assert ("one header again and again", "p99") in found
    assert "B is" in bench("compare", *runs).stdout


def test_compare_refuses_what_cannot_be_compared(runs, tmp_path):
    other = json.loads(runs[0].read_text())
    other["kind"] = "rtt"
    (tmp_path / "other").write_text(json.dumps(other))
    done = bench("compare", runs[0], tmp_path / "other", status=1)
    assert "different kinds, 'classify' and 'rtt'" in done.stderr
    (tmp_path / "broken").write_text('{\n "tool": push\n}')
    done = bench("compare", runs[0], tmp_path / "broken", status=1)
    assert f"{tmp_path / 'broken'}:2:" in done.stderr
    (tmp_path / "foreign").write_text('{"tool": "other"}')
    assert "expected what 'push-packet bench" in bench("compare", runs[0], tmp_path / "foreign",
                                                       status=1).stderr
    assert "No such file" in bench("compare", runs[0], tmp_path / "none", status=1).stderr
    assert "expected B.json" in bench("compare", runs[0], status=2).stderr


def peers():
    return [name for name in ("ck", "rte", "pointers")
            if (BUILD / f"tests/bench/handoff_peer_{name}").exists()]


def test_handoff_is_measured_beside_the_peers_there_are():
    argv = [word for name in peers() for word in ("--peer", name)]
    doc = json.loads(bench("handoff", *argv, "--pairs", 2, "--packets", "100k", "--json").stdout)
    check_document(doc, "handoff")
    names = [result["name"] for result in doc["results"]]
    assert "one way" in names and "ping-pong" in names and "ping-pong round" in names
    claims = [result for result in doc["results"] if "verdict" in result]
    assert len(claims) == 2 * len(peers())
    # Two pairs prove nothing.
    assert {claim["verdict"] for claim in claims} <= {"inconclusive"}
    assert all(claim["target"] == 1.5 for claim in claims)


def test_handoff_on_one_cpu_works_and_says_so():
    cpu = min(os.sched_getaffinity(0))
    argv = ["--cpus", f"{cpu},{cpu}", "--pairs", 1, "--packets", 20000, "--batch", 7]
    done = bench("handoff", *argv)
    assert "worker and analyser share CPU" in done.stdout
    assert "--strict" in bench("handoff", *argv, "--strict", status=1).stderr


@pytest.mark.parametrize("argv, status, what", [
    (["--batch", "0"], 2, "expected 1 to 256"),
    (["--slots", "1000"], 2, "expected a power of two"),
    (["--frames", "64", "--batch", "65"], 2, "--frames must be at least --batch"),
    (["--cpus", "0"], 2, "expected two CPUs"),
    (["--cpus", "0,1023"], 2, "has no CPU 1023"),
    (["--peer", "other"], 2, "expected ck, rte, pointers, all or none"),
    (["--peer", "ck", "--peer-dir", "/no/such", "--packets", "1000"], 1, "handoff_peer_ck"),
])
def test_handoff_refuses(argv, status, what):
    assert what in bench("handoff", *argv, status=status).stderr


def test_update_times_changes_and_what_they_cost(rules):
    doc = json.loads(bench("update", "--rules", rules, "--changes", 20, "--rounds", 1, "--for",
                           "300ms", "--json").stdout)
    check_document(doc, "update")
    found = {result["name"]: result for result in doc["results"]}
    assert found["until in force"]["histogram"]["count"] == 20
    assert found["until in force"]["histogram"]["percentiles"]["p50"] < \
        found["until the call returns"]["histogram"]["percentiles"]["p50"]
    assert found["judged, rules stay"]["samples"][0] > 0.1
    assert found["judged, rules change"]["samples"][0] > 0.1
    assert found["changes meanwhile"]["samples"][0] > 1
    assert doc["interfaces"][0]["driver"] == "veth"


def test_update_without_packets_and_with_bad_rules(tmp_path):
    doc = json.loads(bench("update", "--changes", 5, "--no-flood", "--json").stdout)
    assert [result["name"] for result in doc["results"]] == ["until in force",
                                                            "until the call returns"]
    (tmp_path / "bad").write_text("drop proto tcp\nnonsense\n")
    assert ":2:1: error:" in bench("update", "--rules", tmp_path / "bad", status=1).stderr
    assert "200ms" in bench("update", "--for", "1ms", status=2).stderr


@pytest.mark.skipif(shutil.which("gnuplot") is None, reason="gnuplot is not installed")
def test_claims_have_a_chart(tmp_path):
    if not peers():
        pytest.skip("no peer was built")
    bench("handoff", "--peer", peers()[0], "--pairs", 2, "--packets", "50k", "--chart",
          tmp_path / "h")
    assert len(list(tmp_path.glob("h*.svg"))) == 4
